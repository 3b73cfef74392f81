"""What the server serves: the container page, then the agent's own telemetry, as one document.

Text format 0.0.4 or OpenMetrics 1.0, whichever the client likes more; text where it says nothing
or takes neither.

A page whose making fails is not half a page: everything that can fail is done before the first
piece is handed out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Generic, Protocol, TypeVar

from agent.accept import choose, parse
from agent.model import Snapshot
from agent.snapshots import Snapshots
from agent.telemetry import Telemetry


class Format(Protocol):
    """A way to write a page."""

    @property
    def content_type(self) -> str:
        """Of the whole page."""

    @property
    def openmetrics(self) -> bool:
        """Whether it is OpenMetrics, else the text format."""

    @property
    def end(self) -> bytes:
        """What stands once at the end of the whole page."""


F = TypeVar("F", bound=Format)


class Encoder(Protocol[F]):
    """Turns a Snapshot into a page."""

    @property
    def formats(self) -> Sequence[F]:
        """What it can write, the one for a client that does not care first."""

    def encode(self, snapshot: Snapshot, form: F) -> Iterator[bytes]:
        """Yield the page in pieces, without the format's end."""


class Page(Generic[F]):
    """The metrics page of one host."""

    def __init__(
        self,
        snapshots: Snapshots,
        encoder: Encoder[F],
        telemetry: Telemetry,
        made: Callable[[], None] = lambda: None,
    ) -> None:
        """`made` is called after each page."""
        self._snapshots = snapshots
        self._encoder = encoder
        self._telemetry = telemetry
        self._made = made
        self._types = [parse(form.content_type) for form in encoder.formats]

    def metrics(self, accept: str = "") -> tuple[str, Iterator[bytes]]:
        """
        Content type and pieces of a page of now, for a client with this Accept header.

        Reads anew if the last reading is older than a second.
        """
        form = self._encoder.formats[choose(accept, self._types) or 0]
        snapshot = self._snapshots.fresh()
        own = self._telemetry.page(openmetrics=form.openmetrics)
        return form.content_type, self._pieces(snapshot, own, form)

    def not_ready(self) -> str | None:
        """Why there is no page yet; None when there is one."""
        return None if self._snapshots.latest is not None else "the host has not been read yet"

    def lacking(self) -> tuple[str, ...]:
        """What the configuration asks for and does not work just now, in words."""
        return self._telemetry.lacking()

    def _pieces(self, snapshot: Snapshot, own: bytes, form: F) -> Iterator[bytes]:
        yield from self._encoder.encode(snapshot, form)
        yield own
        if form.end:
            yield form.end
        self._made()
