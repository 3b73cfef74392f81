"""What another agent's command may read: GET /api/v1/snapshots.

    (no query)                        the last minute, the host as it is now at its end
    ?newest=1                         the host as it is now, alone
    ?since=1760000000&until=…         of the history, events too; at most 360 Snapshots

The answer is a file as `agent snapshot save` writes it: redacted, checksummed, to be read by the
same code (agent/history/segment.py says the format). 401 without the token, 404 where there is
nothing of that time, 400 for what is no query.
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl

from agent.exchange import Request, Response, elsewhere, refusal
from agent.history.reader import History, window
from agent.history.redact import Redaction
from agent.history.saving import pieces
from agent.lifecycle.events import Event
from agent.model import Snapshot
from agent.records import NamedTuple
from agent.web.faults import BadWebFile

log = logging.getLogger(__name__)

PATH: Final = "/api/v1/snapshots"
CONTENT_TYPE: Final = "application/octet-stream"


class _Asked(NamedTuple):
    newest: bool
    since: float | None
    until: float | None


class Api:
    """Answers at `PATH`. Thread-safe."""

    def __init__(
        self,
        fresh: Callable[[], Snapshot],
        recent: Callable[[], Sequence[Snapshot]],
        *,
        history: str,
        token_file: str,
        kept_labels: Collection[str],
        local: bool,
    ) -> None:
        """
        `fresh`, `recent`, `local`: as of agent.webpage.site.Site. `history`: its directory, "" for
        none. `token_file`: "" asks for no token. `kept_labels`: see `Redaction`.
        """
        self._fresh = fresh
        self._recent = recent
        self._history = history
        self._token_file = token_file
        self._kept_labels = kept_labels
        self._local = local
        self._said = ""

    def answer(self, request: Request) -> Response:
        """One request's answer."""
        if self._local and (refused := elsewhere(request)):
            return refused
        if not self._may(request.authorization):
            return refusal(
                "401 Unauthorized", "the token is asked for", ("WWW-Authenticate", "Bearer")
            )
        asked = _parse(request.query)
        if asked is None:
            return refusal("400 Bad Request", "since and until are Unix seconds, newest is 1")
        snapshots, events = self._found(asked)
        if not snapshots:
            return refusal("404 Not Found", "nothing is kept of that time")
        body = b"".join(pieces(snapshots, events, Redaction(self._kept_labels)))
        return Response("200 OK", CONTENT_TYPE, (body,), headers=(("Cache-Control", "no-store"),))

    def _may(self, authorization: str) -> bool:
        if not self._token_file:
            return True
        try:
            token = read_token(self._token_file)
        except BadWebFile as error:
            # Nobody gets in until it is right again; said once, however often it is asked.
            if f"{error}" != self._said:
                self._said = f"{error}"
                log.error("nobody may ask: %s", error)
            return False
        self._said = ""
        given = authorization.removeprefix("Bearer ").encode("latin-1", "replace")
        return authorization.startswith("Bearer ") and hmac.compare_digest(given, token)

    def _found(self, asked: _Asked) -> tuple[Sequence[Snapshot], Sequence[Event]]:
        if asked.since is None or asked.until is None:
            newest = self._fresh()
            return ((newest,) if asked.newest else self._recent() or (newest,)), ()
        if not self._history:
            return (), ()
        try:
            past = History(self._history)
        except FileNotFoundError:
            return (), ()  # Nothing was written yet.
        return (
            window(past, asked.since, asked.until),
            tuple(past.events(asked.since, asked.until)),
        )


def read_token(path: str) -> bytes:
    """The token in a file. Raises BadWebFile where there is none."""
    try:
        token = Path(path).read_bytes().strip()
    except OSError as error:
        raise BadWebFile(f"[api] token_file {path}: {error.strerror}") from None
    if not token:
        raise BadWebFile(f"[api] token_file {path}: is empty")
    return token


def _parse(query: str) -> _Asked | None:
    """None: it is not understood."""
    try:
        given = dict(parse_qsl(query, strict_parsing=bool(query), max_num_fields=5))
        if given.keys() - {"newest", "since", "until"} or given.get("newest", "1") != "1":
            return None
        times = [float(given[name]) if name in given else None for name in ("since", "until")]
    except ValueError:
        return None
    since, until = times
    if (since is None) is not (until is None):
        return None
    if since is not None and until is not None and not 0 <= since <= until <= 1e11:
        return None
    return _Asked("newest" in given, since, until)
