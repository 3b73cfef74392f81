"""Asks one agent's API (agent/api.py) for what it knows."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final

from agent.fleet.access import Access
from agent.fleet.server import CannotAsk, Server
from agent.history.restore import Unreadable
from agent.history.segment import Segment
from agent.model import Snapshot

_PATH: Final = "/api/v1/snapshots"


class RemoteAgent:
    """One agent. Raises CannotAsk where it does not answer."""

    def __init__(self, host: str, access: Access | None = None) -> None:
        """`host`: HOST:PORT, or a URL where it speaks TLS. Raises ValueError as `Server`."""
        url = host if "://" in host else f"http://{host}"
        self._server = Server(url, access)
        self.url = self._server.url

    def snapshot(self) -> Snapshot:
        """The host as it is now."""
        return self._read({"newest": "1"})[-1]

    def window(self) -> Sequence[Snapshot]:
        """The last minute, oldest first."""
        return self._read({})

    def file(self, since: float | None, until: float | None) -> int:
        """
        A descriptor of a file in memory as `agent snapshot save` writes it: the history between two
        times in Unix seconds, or without them the last minute.
        """
        query = {} if since is None or until is None else {"since": f"{since}", "until": f"{until}"}
        body = self._server.get(_PATH, query)
        fd = os.memfd_create("agent-host", os.MFD_CLOEXEC)
        with os.fdopen(os.dup(fd), "wb") as file:
            file.write(body)
        return fd

    def _read(self, query: dict[str, str]) -> list[Snapshot]:
        body = self._server.get(_PATH, query)
        try:
            segment = Segment(lambda start, length: body[start : start + length], len(body))
            found = list(segment.snapshots())
        except Unreadable as error:
            raise CannotAsk(f"{self.url}: is no agent, or of another version: {error}") from None
        if not found:
            raise CannotAsk(f"{self.url}: answered no Snapshot")
        return found
