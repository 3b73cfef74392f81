"""The journal's entries of containers and units: read in order, handed on by container.

The journal is one stream for all of them, so it has one mark. Its offsets count entries that were
handed on, from the first start on; the checkpoint has the count and the cursor of that entry, or of
a later one that nobody asked for. The cursor finds the place again; "" is before the first entry.
The count goes on from there, so the same entries get the same offsets in the next process, and a
chunk sent twice the same id.

Invariant: the mark never moves past the first piece of a line that is open, of any container, nor
past a record that waits in a stage.

What was lost is told by journald's own numbers, which have no gaps: where the entry after the
cursor is not the next number, those between were rotated away or vacuumed before they were read.
Whose they were nobody can say; they are counted on the journal itself.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from agent.container.container import Container
from agent.logs.batch import Batch, Stage
from agent.logs.checkpoint import FileRecord
from agent.logs.chunk import EntryEncoder, OffsetEncoder
from agent.logs.ending import SETTLED, unknown
from agent.logs.entry import Entry
from agent.logs.faults import FaultLog
from agent.logs.fingerprint import Head
from agent.logs.journal.fields import Owner, entry_of, owner_of, sequence_of
from agent.logs.journal.library import Reader
from agent.logs.ledger import Ledger
from agent.logs.partial import IDLE, Joiner, Position
from agent.logs.processing.rules import Rules
from agent.logs.processing.stage import RuleStage
from agent.logs.stats import ContainerCounters
from agent.logs.tail import FileMark
from agent.logs.timestamps import NANOSECONDS
from agent.records import NamedTuple, dataclass, field

READ_ENTRIES: Final = 2000
"""Entries looked at in one turn, whosever they are."""
READ_BYTES: Final = 512 * 1024
"""Bytes of messages taken in one turn."""
FORGET_AFTER: Final = 600.0
"""Seconds without an entry after which a container is forgotten; the next entry makes it known."""
_MOST_WAITING: Final = 1000
PREFIX: Final = "journal:"
"""A checkpoint's path that names a journal and no file."""


@dataclass(slots=True, eq=False)
class Stream:
    """One container's or unit's entries."""

    container: Container
    ledger: Ledger
    fields: dict[str, str]
    encoder: EntryEncoder
    stage: RuleStage | None
    joiner: Joiner
    last_at: float
    """Monotonic seconds of its newest entry."""
    waiting: deque[tuple[int, int]] = field(default_factory=deque)
    """Of entries handed on together: the count after the last, the time of the first."""

    def lag(self, acknowledged: int, wall_ns: int) -> float:
        """Seconds since its oldest entry that is not acknowledged; 0.0 without one."""
        while self.waiting and self.waiting[0][0] <= acknowledged:
            self.waiting.popleft()
        if not self.waiting:
            return 0.0
        return max(0.0, (wall_ns - self.waiting[0][1]) / NANOSECONDS)


class Read(NamedTuple):
    """One entry that somebody asked for."""

    owner: Owner
    entry: Entry
    cursor: str


class Turn(NamedTuple):
    """What one turn found."""

    entries: list[Read]
    lost: int
    """Entries that were gone before they were read."""
    more: bool
    """Whether the turn ended before the journal did."""
    last: str
    """Cursor of the entry looked at last, anybody's; "" where there was none yet."""


class JournalIntake:
    """The journal of one host, for one destination."""

    def __init__(
        self,
        reader: Reader,
        remembered: FileRecord | None,
        make_encoder: Callable[[Mapping[str, str]], EntryEncoder],
        faults: FaultLog,
        rules: Rules,
        *,
        from_start: bool,
        units: tuple[str, ...] = (),
        describe: Callable[[str, int], Container | None] = lambda _id, _uid: None,
        alive: Callable[[str], bool | None] = unknown,
    ) -> None:
        """describe: what the runtime's own files say of a container, by its id and the uid of its
        runtime; may be nothing. alive: whether the container of that id runs; None where that is
        not known."""
        self.streams: dict[str, Stream] = {}
        """By container id or unit name."""
        self._reader = reader
        self._make_encoder = make_encoder
        self._faults = faults
        self._rules = rules
        self._units = units
        self._describe = describe
        self._alive = alive
        self._path = PREFIX + reader.place
        count = remembered.offset if remembered is not None else 0
        self._mark = FileMark(0, Head(0, ""), 0, count, count, count)
        self._cursor = remembered.cursor if remembered is not None else ""
        """Of the entry at `_mark.acknowledged`; "" before the first."""
        self._cursors: deque[tuple[int, str]] = deque()
        """Count and cursor of entries handed on and not acknowledged, each turn's last ones."""
        self._before = self._cursor
        """Of the entry looked at last, anybody's; the reading thread's."""
        self._passed = self._cursor
        """The same, of the last turn that was taken."""
        self._ledger = Ledger(ContainerCounters(self._path), faults)
        self._held_until = float("-inf")
        self._drained = False
        self._begin(from_start or remembered is not None)

    @property
    def fd(self) -> int:
        """Readable when there may be something new."""
        return self._reader.fd

    def close(self) -> None:
        """Close the journal."""
        self._reader.close()

    def read(self) -> Turn:
        """Read a turn's entries. Raises OSError. May run in another thread, nothing else then."""
        self._reader.process()
        found: list[Read] = []
        size = lost = looked = 0
        while looked < READ_ENTRIES and size < READ_BYTES:
            if not self._reader.next():
                return Turn(found, lost, False, self._before)
            looked += 1
            cursor = self._reader.cursor()
            lost += self._gap(cursor)
            cursor = self._before = self._reader.cursor()
            owner = owner_of(self._reader.field, self._units)
            if owner is not None:
                entry = entry_of(self._reader.field, self._reader.realtime_us())
                size += len(entry[2])
                found.append(Read(owner, entry, cursor))
        return Turn(found, lost, True, self._before)

    def take(self, turn: Turn, now: float, read_ns: int) -> Iterator[tuple[Stream, Batch]]:
        """Hand on a turn's entries by container, in order; the mark comes with the last."""
        self._drained = not turn.more
        if turn.lost:
            self._lose(turn.lost)
        index, entries = 0, turn.entries
        while index < len(entries):
            stream = self._stream(entries[index].owner, now)
            end = index + 1
            while end < len(entries) and entries[end].owner.key == entries[index].owner.key:
                end += 1
            batch = self._batch(stream, entries[index:end], now, read_ns)
            if end == len(entries):
                batch = Batch(batch.entries, self._due_mark())
            yield stream, batch
            index = end
        self._passed = turn.last

    def retire(self, now: float, read_ns: int) -> Iterator[tuple[Stream, Batch]]:
        """Finish lines that nobody will, and forget who is silent."""
        for key, stream in list(self.streams.items()):
            silent = now - stream.last_at
            late: list[Entry] = []
            if stream.joiner and (silent >= IDLE or self._has_ended(stream, silent)):
                late = stream.joiner.finish()
                if stream.stage is not None:
                    places = [Position(0, 0)] * len(late)
                    late = stream.stage.process(late, places, read_ns)
                    late += stream.stage.finish(read_ns)
            elif stream.stage is not None:
                late = stream.stage.expire(now, read_ns)
            marks = self._due_mark()
            if late or marks:
                yield stream, Batch(late, marks)
            elif silent >= FORGET_AFTER and self._floor(stream) is None:
                del self.streams[key]

    def _has_ended(self, stream: Stream, silent: float) -> bool:
        """Whether its container is known to have ended, and nothing of it is left to be read."""
        id_ = stream.container.id
        return self._drained and silent >= SETTLED and bool(id_) and self._alive(id_) is False

    def ready(self, now: float) -> bool:
        """Whether it may be read: no container's rate asks to wait. One stream waits for all."""
        return now >= self._held_until

    def records(self) -> list[FileRecord]:
        """What the checkpoint must hold."""
        acknowledged = self._mark.acknowledged
        while self._cursors and self._cursors[0][0] <= acknowledged:
            self._cursor = self._cursors.popleft()[1]
        if acknowledged == self._mark.processed:
            # What was looked at since is nobody's, and no loss where it is vacuumed.
            self._cursor = self._passed
        return [FileRecord(self._path, 0, Head(0, ""), acknowledged, False, self._cursor)]

    def counters(self, wall_ns: int) -> list[ContainerCounters]:
        """Every container's totals, and the journal's own losses. A journal has no bytes of one
        container, so `lag_bytes` stays None."""
        for stream in self.streams.values():
            lag = stream.lag(self._mark.acknowledged, wall_ns)
            # Whose the entries are that were not read yet is not known.
            stream.ledger.counters.lag_seconds = lag if lag or self._drained else None
        own = [self._ledger.counters] if self._ledger.counters.lost else []
        return [*(stream.ledger.counters for stream in self.streams.values()), *own]

    def _begin(self, from_start: bool) -> None:
        if not self._cursor:
            if from_start:
                self._reader.seek_head()
            elif self._reader.seek_tail():
                self._cursor = self._before = self._passed = self._reader.cursor()
            else:  # an empty one has no end to go on from
                self._reader.seek_head()
            return
        try:
            self._reader.seek_cursor(self._cursor)
        except OSError as error:
            self._ledger.lose("vacuumed", f"The journal does not know its checkpoint: {error}.")
            self._reader.seek_head()
            self._before = ""
            return
        if not self._reader.next():
            return
        if not self._reader.at(self._cursor):
            # The entry is gone. What stands here was not read, so go back to before it.
            here = self._reader.cursor()
            self._reader.seek_cursor(here)
            before, after = sequence_of(self._cursor), sequence_of(here)
            if before is None or after is None or before.id != after.id:
                self._ledger.lose(
                    "vacuumed",
                    "The journal's files are others than before: what was between is not known.",
                )

    def _gap(self, cursor: str) -> int:
        """
        Entries missing between the one before and this one, where both are of one journald.

        A new file is known only after `process`, so that an entry in it may seem to be missing:
        then go back, and forward again over what is known now.
        """
        missing = _missing(self._before, cursor)
        if not missing:
            return 0
        before = self._before
        self._reader.process()
        self._reader.seek_cursor(before)
        if self._reader.next() and self._reader.at(before):
            self._reader.next()
        return _missing(before, self._reader.cursor())

    def _lose(self, entries: int) -> None:
        self._ledger.lose(
            "vacuumed",
            f"The journal was rotated away before it was read: {entries} entries of the host's.",
        )

    def _stream(self, owner: Owner, now: float) -> Stream:
        stream = self.streams.get(owner.key)
        if stream is None:
            container = owner.container
            if container.id:
                container = self._describe(container.id, owner.uid) or container
            counters = ContainerCounters(
                f"{self._path}/{owner.key}",
                id=container.id,
                name=container.container or container.name,
                namespace=container.namespace,
                pod=container.pod,
            )
            fields = self._rules.fields(container)
            encoder = self._make_encoder(fields)
            stage = self._rules.stage(container, counters, self._faults)
            ledger = Ledger(counters, self._faults)
            stream = Stream(container, ledger, fields, encoder, stage, Joiner(), now)
            self.streams[owner.key] = stream
        stream.last_at = now
        return stream

    def _batch(self, stream: Stream, found: list[Read], now: float, read_ns: int) -> Batch:
        counters = stream.ledger.counters
        needs_offsets = isinstance(stream.encoder, OffsetEncoder) and stream.encoder.needs_offsets
        whole: list[Entry] = []
        places: list[Position] = []
        for read in found:
            entry = read.entry
            size = len(entry[2])
            at = Position(0, self._mark.processed)
            if needs_offsets:
                entry = (*entry[:3], {"offset": str(at.offset)}, entry[4])
            began = stream.joiner.floor or at
            out = stream.joiner.feed(entry, at, size)
            whole += out
            places += [began] * len(out)
            self._mark.processed += 1
            self._cursors.append((self._mark.processed, read.cursor))
            counters.lines += 1
            counters.bytes += size
        if len(stream.waiting) < _MOST_WAITING:  # the answer stays that of the oldest
            stream.waiting.append((self._mark.processed, found[0].entry[0]))
        counters.partials_capped = stream.joiner.capped
        counters.invalid_utf8 = stream.joiner.invalid
        if stream.stage is not None:
            whole = stream.stage.process(whole, places, read_ns)
            if stream.stage.wait > 0:
                self._held_until = max(self._held_until, now + stream.stage.wait)
                counters.throttled_seconds += stream.stage.wait
        return Batch(whole, [])

    def _due_mark(self) -> list[tuple[FileMark, int, int]]:
        """Move the mark as far as it may go."""
        floors = [floor for floor in map(self._floor, self.streams.values()) if floor is not None]
        mark = self._mark
        due = min((floor.offset for floor in floors), default=mark.processed)
        if due <= mark.marked:
            return []
        begin, mark.marked = mark.marked, due
        return [(mark, begin, due)]

    def _floor(self, stream: Stream) -> Position | None:
        stage: Stage | None = stream.stage
        floors = (stream.joiner.floor, stage.floor if stage is not None else None)
        return min((floor for floor in floors if floor is not None), default=None)


def _missing(before: str, after: str) -> int:
    """How many entries are missing between two cursors; 0 where nobody can tell."""
    first, second = sequence_of(before), sequence_of(after)
    if first is None or second is None or first.id != second.id:
        return 0
    return max(0, second.number - first.number - 1)
