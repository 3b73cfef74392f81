"""What the server serves: the container page, then the agent's own telemetry.

A page whose making fails is not half a page: everything that can fail is done before the first
piece is handed out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from agent.model import Snapshot
from agent.snapshots import Snapshots
from agent.telemetry import Telemetry


class Encoder(Protocol):
    """Turns a Snapshot into a page."""

    content_type: str

    def encode(self, snapshot: Snapshot) -> Iterator[bytes]:
        """Yield the page in pieces."""


class Page:
    """The metrics page of one host."""

    def __init__(self, snapshots: Snapshots, encoder: Encoder, telemetry: Telemetry) -> None:
        self._snapshots = snapshots
        self._encoder = encoder
        self._telemetry = telemetry
        self.content_type = encoder.content_type

    def metrics(self) -> Iterator[bytes]:
        """A page of now: read anew if the last reading is older than a second."""
        snapshot = self._snapshots.fresh()
        own = self._telemetry.page()
        return self._pieces(snapshot, own)

    def not_ready(self) -> str | None:
        """Why there is no page yet; None when there is one."""
        return None if self._snapshots.latest is not None else "the host has not been read yet"

    def _pieces(self, snapshot: Snapshot, own: bytes) -> Iterator[bytes]:
        yield from self._encoder.encode(snapshot)
        yield own
