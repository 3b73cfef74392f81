"""What goes from a container's lines to its chunks: entries, and how far its files are done with
them; and what stands between, the stage of the container's rules."""

from __future__ import annotations

from typing import Protocol

from agent.logs.entry import Entry
from agent.logs.partial import Position
from agent.logs.tail import FileMark
from agent.records import NamedTuple


class Batch(NamedTuple):
    """Entries that belong together, and what is done with once they are delivered."""

    entries: list[Entry]
    marks: list[tuple[FileMark, int, int]]
    """File, from, up to."""
    packed: Packed | None = None
    """Records that are encoded already. `entries` is empty then."""


class Packed(NamedTuple):
    """What a `BlockEncoder` made."""

    payload: bytes
    records: int


class Stage(Protocol):
    """What rules do to a container's records: processing/stage.py."""

    @property
    def floor(self) -> Position | None:
        """Where the oldest record begins that has not come out; None where none waits."""
        ...

    @property
    def untouched(self) -> int:
        """A line of at most so many bytes comes out at once, as it is, and is not counted; 0 where
        every line has to be looked at."""
        ...

    @property
    def wait(self) -> float:
        """Seconds until more of the container may be read."""
        ...

    @property
    def needs_places(self) -> bool:
        """Whether `process` must be told where each line began."""
        ...

    def process(self, entries: list[Entry], positions: list[Position], read_ns: int) -> list[Entry]:
        """Take whole lines and where each began; return the records to be delivered."""
        ...

    def expire(self, now: float, read_ns: int) -> list[Entry]:
        """Return records for which no more lines came. Called about once a second."""
        ...

    def finish(self, read_ns: int) -> list[Entry]:
        """Return every open record."""
        ...
