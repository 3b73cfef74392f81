"""Prints one container's records: the last ones, those that fit, and what comes."""

from __future__ import annotations

import os
import re
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import BinaryIO, Final

from agent.container.log_source import LogSource
from agent.logs.checkpoint import FileRecord
from agent.logs.entry import Entry, record_fields
from agent.logs.faults import FaultLog
from agent.logs.reader import LogReader
from agent.logs.starting_point import begin_at_last, begin_since

_POLL: Final = 0.1
"""Seconds between looks at a file that is followed."""
_STDERR: Final = b"\x1b[31m"
_DIM: Final = b"\x1b[2m"
_PLAIN: Final = b"\x1b[0m"
_MORE: Final = 8
"""Times as many lines are looked at where N had pieces among them."""
_HARMFUL: Final = re.compile(
    rb"[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f]|\x1b(?!\[[0-9;]*m)|\xc2[\x80-\x9f]"
)
"""What moves a terminal's cursor or asks it something; colours stay."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which records."""

    since_ns: int | None = None
    until_ns: int | None = None
    grep: re.Pattern[bytes] | None = None
    stream: str | None = None
    last: int | None = None
    """Of those that fit, only so many."""

    def fits(self, entry: Entry) -> bool:
        """Whether a record is one of them."""
        time_ns, stream, content, _extra, _partial = entry
        return (
            (self.since_ns is None or time_ns >= self.since_ns)
            and (self.until_ns is None or time_ns <= self.until_ns)
            and (self.stream is None or stream == self.stream)
            and (self.grep is None or self.grep.search(content) is not None)
        )

    @property
    def everything(self) -> bool:
        """Whether every record fits."""
        return self == Wanted(last=self.last)


def show(
    source: LogSource,
    wanted: Wanted,
    *,
    follow: bool,
    as_json: bool,
    timestamps: bool,
    out: BinaryIO | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> None:
    """
    Print records to `out` (standard output) until the end, or until `stop` says so.

    Raises OSError where the file cannot be opened; BrokenPipeError when nobody reads any more.
    """
    os.close(os.open(source.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK))
    printer = _Printer(source, out or sys.stdout.buffer, as_json=as_json, timestamps=timestamps)
    faults = FaultLog(sys.stderr.write, time.monotonic, time.time)
    reader, found = _first(source, wanted, faults, printer, finish=not follow)
    with reader:
        printer.put(found)
        while follow and not stop():
            came = False
            for entries in reader.read():
                fitting = [entry for entry in entries if wanted.fits(entry)]
                printer.put(fitting)
                came = came or bool(entries)
            if wanted.until_ns is not None and time.time_ns() > wanted.until_ns:
                break
            if not came:
                time.sleep(_POLL)


def _first(
    source: LogSource, wanted: Wanted, faults: FaultLog, printer: _Printer, *, finish: bool
) -> tuple[LogReader, Iterable[Entry]]:
    """A reader that has read what there is, and of that the last records; without `last` they are
    printed on the way."""
    lines = wanted.last + 4 if wanted.last is not None and wanted.everything else None
    while True:
        passed_over: list[FileRecord] = []
        more = False
        if lines is not None:
            passed_over, more = begin_at_last(source.path, source.format, lines)
        elif wanted.since_ns is not None:
            passed_over = begin_since(source.path, source.format, wanted.since_ns)
        reader = LogReader(source.path, source.format, faults, passed_over, owner=source.owner)
        kept: deque[Entry] = deque(maxlen=wanted.last)
        begun: set[str] = set()
        try:
            for entries in _all(reader, finish=finish):
                fitting = [entry for entry in entries if wanted.fits(entry)]
                if more:
                    fitting = _without_first(fitting, begun)
                if wanted.last is None:
                    printer.put(fitting)
                else:
                    kept += fitting
        except BaseException:  # whatever ends it: nothing stays open, and it is raised on
            reader.close()
            raise
        if wanted.last is None or not more or lines is None or len(kept) >= wanted.last:
            return reader, kept
        reader.close()
        lines *= _MORE


def _without_first(entries: list[Entry], begun: set[str]) -> list[Entry]:
    """Leave out the first record of each stream: its first pieces may have been passed over."""
    out = []
    for entry in entries:
        if entry[1] in begun:
            out.append(entry)
        else:
            begun.add(entry[1])
    return out


def _all(reader: LogReader, *, finish: bool) -> Iterator[list[Entry]]:
    yield from reader.read()
    if finish:
        yield from reader.finish()


class _Printer:
    """Records as bytes."""

    def __init__(
        self, source: LogSource, out: BinaryIO, *, as_json: bool, timestamps: bool
    ) -> None:
        self._out = out
        self._timestamps = timestamps
        self._tty = out.isatty()
        self._encode: Callable[[list[Entry]], bytes] = self._text
        if as_json:
            from exporters.file.json_lines import JsonLinesEncoder

            self._encode = JsonLinesEncoder(record_fields(source.container)).encode

    def put(self, entries: Iterable[Entry]) -> None:
        """Print records; what is followed is seen at once."""
        some = list(entries)
        if some:
            self._out.write(self._encode(some))
            self._out.flush()

    def _text(self, entries: list[Entry]) -> bytes:
        return b"".join([self._line(entry) for entry in entries])

    def _line(self, entry: Entry) -> bytes:
        time_ns, stream, content, _extra, _partial = entry
        stamp = (rfc3339(time_ns) + " ").encode() if self._timestamps else b""
        if not self._tty:
            return stamp + content + b"\n"
        content = _HARMFUL.sub("\ufffd".encode(), content)
        if stamp:
            stamp = _DIM + stamp + _PLAIN
        if stream == "stderr":
            return stamp + _STDERR + content + _PLAIN + b"\n"
        # A colour that a program left on ends with its line.
        return stamp + content + (_PLAIN if b"\x1b" in content else b"") + b"\n"


def rfc3339(time_ns: int) -> str:
    """2026-11-24T03:16:16.105173157Z"""
    seconds, nanoseconds = divmod(time_ns, 1_000_000_000)
    moment = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{moment}.{nanoseconds:09d}Z"
