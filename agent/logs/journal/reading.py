"""One container's or unit's records from the journal, for a person: what `agent logs` prints.

The worker's parser, without the worker: pieces are joined, records come in the journal's order, in
their own bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from agent.container.container import Container, Kind
from agent.logs.entry import Entry
from agent.logs.faults import FaultLog
from agent.logs.journal.fields import Owner, entry_of, owner_of
from agent.logs.journal.library import Reader, open_journal
from agent.logs.partial import Joiner, Position
from agent.records import dataclass

_SOME: Final = 1000
"""Entries handed on at once."""
_EARLY_US: Final = 1_000_000
"""Microseconds: a runtime's time is before journald's, a long line's first piece before that."""
_HERE: Final = Position(0, 0)


@dataclass(frozen=True, slots=True)
class JournalLog:
    """What a container or a unit of systemd's has in the journal."""

    container: Container
    uid: int
    """Whose runtime's entries count: anybody can write a container's id. See `Owner`."""
    directory: str
    """As `open_journal` takes it."""

    def newer(self) -> JournalLog | None:
        """None: all runs are in the same place."""
        return None

    def open(
        self, faults: FaultLog, *, lines: int | None, since_ns: int | None
    ) -> tuple[JournalReading, bool]:
        """
        A reading, and whether it passes over anything.

        lines: only the last so many entries, pieces counted one by one. since_ns: nothing older, or
        a little. Raises JournalUnavailable, OSError.
        """
        reader = open_journal(self.directory)
        reading = JournalReading(reader, self.container, self.uid, faults)
        try:
            return reading, reading.begin(lines, since_ns)
        except BaseException:  # whatever it is, the journal does not stay open
            reading.close()
            raise


class JournalReading:
    """The entries from one place on. To be closed."""

    def __init__(self, reader: Reader, container: Container, uid: int, faults: FaultLog) -> None:
        self._reader = reader
        self._container = container
        self._uid = uid
        self._faults = faults
        self._units = (container.name,) if container.kind is Kind.SERVICE else ()
        self._joiner = Joiner(raw=True)

    def begin(self, lines: int | None, since_ns: int | None) -> bool:
        """Go where the reading begins; whether that passes over anything. Raises OSError."""
        if self._units:
            self._reader.only(_SYSTEMD_UNIT=self._container.name)
        else:
            self._reader.only(CONTAINER_ID_FULL=self._container.id)
        if lines is not None:
            return self._reader.seek_back(lines)
        if since_ns is not None:
            self._reader.seek_time(max(0, since_ns // 1000 - _EARLY_US))
        else:
            self._reader.seek_head()
        return False

    def read(self) -> Iterator[list[Entry]]:
        """Yield what there is to read now, whole records in order."""
        self._reader.process()
        found: list[Entry] = []
        looked = 0
        while self._reader.next():
            looked += 1
            if self._is_wanted(owner_of(self._reader.field, self._units)):
                entry = entry_of(self._reader.field, self._reader.realtime_us())
                found += self._joiner.feed(entry, _HERE, len(entry[2]))
            if looked % _SOME == 0 and found:
                yield found
                found = []
        if found:
            yield found

    def finish(self) -> Iterator[list[Entry]]:
        """Yield the last line where its last piece is missing. Nothing may be read after it."""
        if late := self._joiner.finish():
            yield late

    @property
    def gone(self) -> bool:
        """False: that its container was removed, no entry says."""
        return False

    def close(self) -> None:
        """Close the journal."""
        self._reader.close()

    def _is_wanted(self, owner: Owner | None) -> bool:
        if owner is None or owner.container.kind is not self._container.kind:
            return False
        return bool(self._units) or owner.uid == self._uid
