"""A request to the agent's own server, as far as a page needs it, and what it is answered."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from agent.config import is_loopback
from agent.records import NamedTuple, dataclass


class Request(NamedTuple):
    """One GET or HEAD."""

    query: str = ""
    """Of the URL, without "?"."""
    host: str = ""
    """The Host header."""
    known: str = ""
    """The If-None-Match header."""
    authorization: str = ""
    """The Authorization header."""


@dataclass(frozen=True, slots=True)
class Response:
    """One answer."""

    status: str
    """ "200 OK"."""
    content_type: str
    body: Iterable[bytes]
    gzip: bool = False
    varies: bool = False
    """Another Accept or Accept-Encoding header gets another answer."""
    headers: tuple[tuple[str, str], ...] = ()
    """Beside those that every answer has."""


class Site(Protocol):
    """What answers at one path."""

    def answer(self, request: Request) -> Response:
        """The answer."""


TEXT = "text/plain; charset=utf-8"


def refusal(status: str, why: str, *headers: tuple[str, str]) -> Response:
    """An answer in words."""
    return Response(status, TEXT, (f"{why}\n".encode(),), headers=headers)


def elsewhere(request: Request) -> Response | None:
    """
    The refusal of a request that names another host than the loopback; None: it does not.

    For a server on the loopback: a web site that points a name of its own at 127.0.0.1 (DNS
    rebinding) would otherwise read what is meant for this host's users.
    """
    name = request.host
    if not name.endswith("]"):
        name = name.rpartition(":")[0] or name
    if is_loopback(name.removeprefix("[").removesuffix("]")):
        return None
    return refusal(
        "421 Misdirected Request",
        "this agent answers on the loopback alone: ask for http://localhost:PORT/",
    )
