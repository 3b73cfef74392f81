"""An HTTP server that is asked: who it is, how to get in, and what its answers mean."""

from __future__ import annotations

import urllib.error
import urllib.request
from typing import Final
from urllib.parse import urlencode, urlsplit

import orjson

from agent.fleet.access import Access

_TIMEOUT: Final = 30.0
_QUOTED: Final = 300
"""Bytes of an answer in an error."""


class CannotAsk(Exception):
    """The server did not answer as one should. Says which server, what it said, what to do."""


class Server:
    """One server. It is only ever read."""

    def __init__(self, url: str, access: Access | None = None) -> None:
        """Raise ValueError for what is no URL of a server, or has a password in it."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url!r}: must be http://HOST:PORT or https://HOST:PORT")
        if parts.username is not None or parts.password is not None:
            raise ValueError(
                "a password in the URL can be read by everybody (ps): use --http-config FILE"
            )
        self.url = url.rstrip("/")
        self._access = access or Access()
        # No redirects to anywhere else: the credentials would go along.
        self._open = urllib.request.build_opener(
            _NoRedirect, urllib.request.HTTPSHandler(context=self._access.context())
        ).open

    def get(self, path: str, query: dict[str, str]) -> bytes:
        """The body of an answer to GET. Raises CannotAsk."""
        return self._ask(f"{path}?{urlencode(query)}" if query else path, None)

    def post(self, path: str, form: dict[str, str]) -> bytes:
        """The body of an answer to POST. Raises CannotAsk."""
        return self._ask(path, urlencode(form).encode())

    def _ask(self, path: str, body: bytes | None) -> bytes:
        request = urllib.request.Request(  # noqa: S310 http and https alone: see __init__
            self.url + path, body, self._access.headers()
        )
        try:
            with self._open(request, timeout=_TIMEOUT) as answer:
                read: bytes = answer.read()
                return read
        except urllib.error.HTTPError as error:
            raise CannotAsk(f"{self.url}: {_refusal(error.code, error.read(65536))}") from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            raise CannotAsk(f"{self.url}: {reason}") from None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object, **__: object) -> None:
        return None


def quoted(body: bytes) -> str:
    """The beginning of an answer, for an error."""
    return repr(body[:_QUOTED].decode(errors="replace").strip())


def _refusal(status: int, body: bytes) -> str:
    if status in (401, 403):
        return f"answers {status}: give credentials with --http-config FILE"
    if status == 404:
        return (
            f"answers 404 {quoted(body)}: is it an agent with [api] enabled = true,"
            " and does it keep history?"
        )
    if status in (301, 302, 303, 307, 308):
        return f"answers {status}: it is elsewhere; give the URL it redirects to"
    try:
        said = str(orjson.loads(body)["error"])  # Prometheus says why in JSON
    except (orjson.JSONDecodeError, KeyError, TypeError):
        said = quoted(body)
    return f"answers {status}: {said}"
