"""One container's output, across all its files: blocks in, whole entries and finished marks out.

The files (rotation.py) are one stream: a turn reads the oldest one with unread bytes, so order is
kept across a rotation, and a line whose pieces lie in two files is joined.

- A rotated file is closed when it is read to its end and has been quiet for `LINGER` seconds:
  runtimes write into a renamed file until they are told to open a new one.
- A truncated file begins anew; what was read of it is kept, unfinished lines included.
- An unfinished line goes out as it is when nobody will finish it: its file is closed, its container
  has ended (ending.py) or is gone, or has been silent for `IDLE` seconds.

Invariant: a `FileMark` moves only to where nothing before it waits in an open line. Files after the
one where the oldest open line began do not move at all: they may hold pieces of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from io import BytesIO
from itertools import accumulate
from typing import Final

from agent.container.container import Container
from agent.logs.batch import Batch, Packed, Stage
from agent.logs.checkpoint import FileRecord
from agent.logs.chunk import BlockEncoder
from agent.logs.docker_local import LocalFramer
from agent.logs.ending import Ending
from agent.logs.entry import CUT, Entry, clean, with_note
from agent.logs.framing import Bytes, Framer, Lines, Text, lines_of
from agent.logs.keeping import close, keep
from agent.logs.lag import Lag
from agent.logs.ledger import Ledger
from agent.logs.parsers import PARSERS
from agent.logs.partial import IDLE, Joiner, Position
from agent.logs.rotation import Rotation
from agent.logs.spool import Spool
from agent.logs.stats import Cause
from agent.logs.tail import AnyFramer, FileMark, TailedFile

LINGER: Final = 5.0
"""Seconds a rotated file must be quiet before it is closed. containerd swaps files in milliseconds;
one that is written to later still is found by its size at a later look."""
GROUP: Final = 256
"""Lines parsed and encoded at a time: small beside a chunk, large beside a call."""


class Chain:
    """One container's output. Its iterators must be run to their ends, one at a time."""

    def __init__(
        self,
        path: str,
        log_format: str,
        ledger: Ledger,
        remembered: list[FileRecord],
        *,
        at_end: bool = False,
        owner: int | None = None,
        raw: bool = False,
    ) -> None:
        """raw: contents are the program's own bytes, as far as the file has them, and need not be
        UTF-8."""
        self.ledger = ledger
        self.rotation = Rotation(
            path,
            ledger,
            remembered,
            at_end=at_end,
            owner=owner,
            stamped=log_format != "plain",
            make_framer=LocalFramer if log_format == "docker-local" else Framer,
        )
        self.format = log_format
        self._parser = PARSERS[log_format]()
        self._joiner = Joiner(raw=raw)
        self._invalid = 0
        """Lines that were not valid UTF-8, of those that were made so before they were parsed."""
        self.offsets = False
        """Whether each entry says where it is: some destinations name records by it."""
        self.block_encoder: BlockEncoder | None = None
        """The destination's short way for lines that need nothing but encoding."""
        self.stage: Stage | None = None
        """The container's rules, where it has some."""
        self.ending: Ending | None = None
        """What knows whether its container has ended; None: nobody does."""
        self._changed_at = float("-inf")
        self._lag = Lag(log_format)

    @property
    def path(self) -> str:
        """The path the container logs to."""
        return self.rotation.path

    @property
    def at_rest(self) -> bool:
        """Its one file is the container's current one, and no line waits: nothing is to retire."""
        rotation = self.rotation
        return (
            len(rotation.files) == 1
            and not rotation.source_gone
            and not self._joiner
            and not rotation.files[0].unfinished
            and self.stage is None
            and not rotation.files[0].mark.spooled
            and not any(mark.spooled for mark in rotation.marks)
        )

    def next_unread(
        self, now: float, beginning: TailedFile | None = None
    ) -> tuple[TailedFile, int] | None:
        """
        Return the oldest file with unread bytes and how many; negative: it was truncated.

        beginning: a file before which everything was looked for just now.
        """
        for file in self.rotation.files:
            unread = file.unread()
            if unread and not file.head and file is not beginning:
                # Nobody saw what it held before: it may have been copied and truncated, and what
                # is in the copy comes first. Each time, until it is read.
                self.rotation.look(now, force=True)
                return self.next_unread(now, file)
            if unread:
                file.grown_at = self._changed_at = now
                self._lag.unread(now)
                return file, unread
        self._lag.all_read()
        return None

    def take(self, file: TailedFile, block: Bytes, read_ns: int) -> Iterator[Batch]:
        """Take the bytes read from `file`. `read_ns`: the time of lines that have none."""
        if file.after_gap:
            file.after_gap = False
            yield self._finished(read_ns)
        file.offset += len(block)
        self._lag.read(file.mark, file.offset, block, read_ns)
        finished, text = file.framer.take(block)
        for lines in finished:
            yield from self._batches(file.mark, lines, read_ns)
        if text is not None:
            yield from self._whole(file.mark, text, file.framer.max_line, read_ns)

    def begin_anew(self, file: TailedFile, now: float, read_ns: int) -> Iterator[Batch]:
        """Go on after `file` was truncated."""
        mark, size, end, line = file.mark, file.size, file.offset, file.framer
        if self.rotation.begin_anew(file, now):
            return
        yield from self._finish_line(mark, line, read_ns)
        # Its last pieces may be among what was lost; the next line must not be taken for them.
        yield self._finished(read_ns)
        self.ledger.lose("truncated", "A log file was truncated.", lost_bytes=max(0, size - end))

    def retire(self, now: float, read_ns: int) -> Iterator[Batch]:
        """Close files that nobody writes to any more, and finish lines that nobody will."""
        rotation = self.rotation
        drained = 0
        for file in list(rotation.files):
            if now - file.grown_at < LINGER or file.unread() != 0:
                continue
            if file is rotation.files[-1] and not rotation.source_gone:
                continue  # also where it was deleted: its writer may be alive
            if file.unlinked() and file.written():
                continue  # deleted by hand: its writer is alive
            yield from self._finish_line(file.mark, file.framer, read_ns)
            if file.mark.acknowledged < file.mark.processed:
                drained += 1  # closed only then: until then it can be spooled, in its order
                continue
            if file.inflated is not None and file.inflated.damage:
                self.ledger.lose(
                    "unreadable",
                    "A compressed log file is damaged: " + file.inflated.damage + ".",
                )
            rotation.retire(file)
        try:
            rotation.remove_spooled()
        except OSError as error:
            self.ledger.faults.report(
                "error", "spool", "A delivered file of the spool cannot be deleted.", error=error
            )
        ended = rotation.source_gone and len(rotation.files) == drained
        if self._unfinished and (ended or self._ends(now)):
            if rotation.files:
                yield from self._finish_line(
                    rotation.files[-1].mark, rotation.files[-1].framer, read_ns
                )
            yield self._finished(read_ns)
        elif self.stage is not None:
            late = self.stage.finish(read_ns) if ended else self.stage.expire(now, read_ns)
            marks = self._due_marks()
            if late or marks:
                yield Batch(late, marks)

    def finish(self, read_ns: int) -> Iterator[Batch]:
        """Finish everything that is open, for a reader who does not wait for more."""
        for file in self.rotation.files:
            yield from self._finish_line(file.mark, file.framer, read_ns)
        yield self._finished(read_ns)

    def abandon(self, file: TailedFile, cause: Cause, sentence: str) -> None:
        """Close a file: what of it is not acknowledged, or still being written, is lost."""
        finished = file.finished()
        lost = self.rotation.abandon(file)
        if not finished:
            self.ledger.lose(cause, sentence, lost_bytes=lost)

    def spool(
        self, spool: Spool, fields: Mapping[str, str], container: Container | None, now: float
    ) -> bool:
        """Before a stop: keep what is deleted and not acknowledged for the next start. False: not
        all of it found a place."""
        return keep(self.rotation, self.ledger, spool, self.format, fields, container, now)

    def close(self) -> None:
        """Close every file. What is deleted and not acknowledged is lost, and counted."""
        close(self.rotation, self.ledger)

    def measure(self, now: float, wall_ns: int) -> None:
        """Count the bytes that are not acknowledged, and the seconds since the oldest of them."""
        if not self.rotation.looked:
            return
        ends = {f.mark.serial: f.offset + max(0, f.unread()) for f in self.rotation.files}
        self.ledger.counters.lag_bytes = sum(
            max(0, ends.get(mark.serial, mark.processed) - mark.acknowledged)
            for mark in self.rotation.marks
        )
        behind = self.ledger.counters.lag_bytes > 0
        self.ledger.counters.lag_seconds = self._lag.seconds(now, wall_ns) if behind else 0.0

    @property
    def _unfinished(self) -> bool:
        files = self.rotation.files
        return bool(self._joiner) or (len(files) > 0 and files[-1].unfinished)

    def _ends(self, now: float) -> bool:
        """Whether nobody will finish the last line, as far as that can be told."""
        rotation, silent = self.rotation, now - self._changed_at
        if any(file.unread() for file in rotation.files):
            return False
        if silent >= IDLE:
            return True
        last = rotation.files[-1] if rotation.files else None
        if last is None or self.ending is None or not self.ending.reached(last, silent, now):
            return False
        rotation.look(now, force=True)  # what it writes to may be a newer one
        return rotation.files[-1] is last and last.unread() == 0

    def _finished(self, read_ns: int) -> Batch:
        """Every open line, and every record that waits for more lines."""
        entries = self._joiner.finish()
        self.ledger.counters.invalid_utf8 = self._invalid + self._joiner.invalid
        if self.stage is not None:
            # All that is open comes out now, so that it does not matter where it began.
            places = [Position(0, 0)] * len(entries)
            entries = self.stage.process(entries, places, read_ns) + self.stage.finish(read_ns)
        return Batch(entries, self._due_marks())

    def _finish_line(self, mark: FileMark, framer: AnyFramer, read_ns: int) -> Iterator[Batch]:
        line = framer.finish()
        if line is not None:
            yield from self._batches(mark, line, read_ns)

    def _whole(self, mark: FileMark, text: Text, max_line: int, read_ns: int) -> Iterator[Batch]:
        """Whole lines: the short way where they are of the usual shape and no line is open.

        A line that is not goes the exact way; more at once the more often that happens, since the
        short way costs a little where it does not come far.
        """
        counters = self.ledger.counters
        data, at, end = text.data, text.begin, text.end
        shift = text.start - text.begin
        encoder = self._encoder_of(text)
        exact = 1
        while at < end:
            if encoder is None:
                stop = end
            elif self._joiner:
                stop = _after_lines(data, at, end, exact)
            else:
                payload, records, stop = encoder.encode(data, at, end)
                if records:
                    mark.processed = shift + stop
                    counters.lines += records
                    counters.bytes += stop - at
                    yield Batch([], self._due_marks(), Packed(payload, records))
                    at = stop
                    if records >= GROUP:
                        exact = 1
                    continue
                stop = _after_lines(data, at, end, exact)
            for lines in lines_of(Text(data, at, stop, shift + at), max_line):
                yield from self._batches(mark, lines, read_ns)
            exact = min(2 * exact, GROUP)
            at = stop

    def _encoder_of(self, text: Text) -> BlockEncoder | None:
        """The short way, unless rules have to see these lines."""
        if self.stage is None or self.block_encoder is None:
            return self.block_encoder
        limit = self.stage.untouched
        if not limit:
            return None
        lines = BytesIO(memoryview(text.data)[text.begin : text.end])
        newline = 1
        return self.block_encoder if max(map(len, lines)) - newline <= limit else None

    def _batches(self, mark: FileMark, lines: Lines, read_ns: int) -> Iterator[Batch]:
        counters = self.ledger.counters
        start, data = lines.start, lines.data
        for index in range(0, len(data), GROUP):
            group = data[index : index + GROUP]
            last = index + GROUP >= len(data)
            size = sum(map(len, group)) + len(group) * lines.overhead
            end = lines.end if last else start + size
            raw = self._parser.any_bytes
            text = group if lines.utf8 or raw else self._cleaned(group)
            entries, partial = self._parser.parse(text, read_ns)
            if lines.dropped:
                entries = [self._cut(entry, lines.dropped) for entry in entries]
            if self.offsets:
                entries = list(_with_offsets(entries, group, start, lines.overhead))
            places: list[Position] = []
            joined = partial or bool(self._joiner)
            if raw and not lines.utf8 and not joined:
                entries = [self._joiner.valid(entry) for entry in entries]
            if joined:
                lengths = [len(line) + lines.overhead for line in group]
                entries = self._join(entries, lengths, mark.serial, start, places)
            elif self.stage is not None and self.stage.needs_places:
                lengths = [len(line) + lines.overhead for line in group[:-1]]
                places = [Position(mark.serial, at) for at in accumulate(lengths, initial=start)]
            if self.stage is not None:
                entries = self.stage.process(entries, places, read_ns)
            mark.processed = end
            counters.lines += len(group)
            counters.bytes += end - start
            counters.parse_failures = self._parser.failures
            counters.partials_capped = self._joiner.capped
            counters.invalid_utf8 = self._invalid + self._joiner.invalid
            yield Batch(entries, self._due_marks())
            start = end

    def _join(
        self,
        entries: list[Entry],
        lengths: list[int],
        serial: int,
        at: int,
        places: list[Position],
    ) -> list[Entry]:
        """Return whole lines; append to `places` where each began, or an open line before it."""
        whole: list[Entry] = []
        for entry, length in zip(entries, lengths, strict=True):
            place = Position(serial, at)
            began = self._joiner.floor or place
            out = self._joiner.feed(entry, place, length)
            whole += out
            places += [began] * len(out)
            at += length
        return whole

    def _cleaned(self, group: list[bytes]) -> list[bytes]:
        text = [clean(line) for line in group]
        self._invalid += sum(map(bytes.__ne__, text, group))
        return text

    def _cut(self, entry: Entry, dropped: int) -> Entry:
        self.ledger.lose("too_long", "A line is too long and was cut.", lost_bytes=dropped, lines=1)
        return with_note(entry, CUT)

    def _due_marks(self) -> list[tuple[FileMark, int, int]]:
        """Move every mark as far as it may go; return those that moved."""
        floor = self._joiner.floor
        if self.stage is not None and (waiting := self.stage.floor) is not None:
            floor = min(floor or waiting, waiting)
        moved = []
        marks = self.rotation.marks
        if self.rotation.dying:
            marks = sorted([*self.rotation.dying, *marks], key=lambda mark: mark.serial)
        for mark in marks:
            if floor is None or mark.serial < floor.serial:
                up_to = mark.processed
            elif mark.serial == floor.serial:
                up_to = floor.offset
            else:
                break
            if up_to != mark.marked:
                moved.append((mark, mark.marked, up_to))
                mark.marked = up_to
        return moved


def _after_lines(data: Bytes, at: int, end: int, count: int) -> int:
    """Return where `count` lines from `at` on end, or all of them up to `end`."""
    for _line in range(count):
        at = data.find(b"\n", at) + 1
        if at == end:
            break
    return at


def _with_offsets(
    entries: list[Entry], group: list[bytes], at: int, overhead: int
) -> Iterator[Entry]:
    """The same entries; each says where its line begins, `at` being the first one's place."""
    for entry, line in zip(entries, group, strict=True):
        time_ns, stream, content, extra, partial = entry
        yield time_ns, stream, content, {**(extra or {}), "offset": str(at)}, partial
        at += len(line) + overhead
