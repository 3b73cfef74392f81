"""Prints one container's records: the last ones, those that fit, and what comes."""

from __future__ import annotations

import base64
import re
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from typing import Final, Protocol

from agent.container.container import Container
from agent.logs.entry import Entry, clean, record_fields
from agent.logs.faults import FaultLog
from agent.logs.timestamps import second_of
from agent.records import dataclass

POLL: Final = 0.1
"""Seconds between looks at a file that is followed."""
_LOOK: Final = 1.0
"""Seconds between looks whether the log is there at all."""
_STDERR: Final = b"\x1b[31m"
_DIM: Final = b"\x1b[2m"
_PLAIN: Final = b"\x1b[0m"
_MORE: Final = 8
"""Times as many lines are looked at where N had pieces among them."""
_HARMFUL: Final = re.compile(
    "[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]|\x1b(?!\\[[0-9;]*m)"
)
"""What moves a terminal's cursor, asks it something or turns the writing round; colours stay."""


class Out(Protocol):
    """Where records go: a binary stream, or what can do as much."""

    def isatty(self) -> bool:
        """Whether a person reads it: then there are colours, and nothing that moves a cursor."""

    def write(self, data: bytes, /) -> int:
        """Take them all."""

    def flush(self) -> None:
        """Let them be seen."""


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


class Reading(Protocol):
    """A log that is being read. To be closed."""

    def read(self) -> Iterator[list[Entry]]:
        """Yield what there is to read now."""

    def finish(self) -> Iterator[list[Entry]]:
        """Yield the last record where it has no end yet."""

    @property
    def gone(self) -> bool:
        """Whether the log was deleted: nothing more is to come."""

    def close(self) -> None:
        """Let go of it."""


class Log(Protocol):
    """A container's log: its files (`FileLog`), or what is in the journal (`JournalLog`)."""

    @property
    def container(self) -> Container:
        """Whose it is."""

    def open(
        self, faults: FaultLog, *, lines: int | None, since_ns: int | None
    ) -> tuple[Reading, bool]:
        """A reading from the last `lines` lines or from a time on; whether anything is passed over.
        It may begin too early, and inside a record where it passes over something."""

    def newer(self) -> Log | None:
        """The log of the container's next run, where each has its own and there is one by now."""


def show(
    log: Log,
    wanted: Wanted,
    *,
    follow: bool,
    as_json: bool,
    timestamps: bool,
    out: Out | None = None,
    stop: Callable[[], bool] = lambda: False,
    complain: Callable[[str], object] | None = None,
) -> None:
    """
    Print records to `out` (standard output) until the end, or until `stop` says so. What is
    followed goes on with the container's next run, and ends when it is deleted.

    `complain` is told what is wrong with the log, a line each (standard error).

    Raises OSError where the log cannot be opened; BrokenPipeError when nobody reads any more.
    """
    printer = Printer(out or sys.stdout.buffer, as_json=as_json, timestamps=timestamps)
    printer.begin(log.container)
    faults = FaultLog(complain or sys.stderr.write, time.monotonic, time.time)
    reader, found = first(log, wanted, faults, printer.put, finish=not follow)
    with closing(Following(log, reader, wanted, faults)) as following:
        printer.put(found)
        while follow and not stop():
            for entries in following.step():
                printer.begin(following.log.container)
                printer.put(entries)
            if following.over:
                break
            if not following.came:
                time.sleep(POLL)


class Following:
    """A log that is read on, into the container's next run. To be closed."""

    def __init__(self, log: Log, reader: Reading, wanted: Wanted, faults: FaultLog) -> None:
        """reader: of `log`, and where it is."""
        self.log = log
        """The run's that is read."""
        self.came = False
        """Whether the last step found anything, wanted or not."""
        self.over = False
        """Nothing more is to come, or is wanted."""
        self._reader = reader
        self._wanted = wanted
        self._faults = faults
        self._look_at = time.monotonic() + _LOOK

    def step(self) -> Iterator[list[Entry]]:
        """Yield what is wanted of what there is now."""
        looks = time.monotonic() >= self._look_at
        # Asked before the last bytes are read, so that none come between.
        newer = self.log.newer() if looks else None
        ends = newer is not None or (looks and self._reader.gone)
        until = self._wanted.until_ns
        self.over = (ends and newer is None) or (until is not None and time.time_ns() > until)
        self.came = False
        for entries in everything(self._reader, finish=ends):
            self.came = self.came or bool(entries)
            yield [entry for entry in entries if self._wanted.fits(entry)]
        if newer is not None:
            self._reader.close()
            self.log = newer
            self._reader, _more = newer.open(self._faults, lines=None, since_ns=None)
        if looks:
            self._look_at = time.monotonic() + _LOOK

    def close(self) -> None:
        """Let go of the log."""
        self._reader.close()


def first(
    log: Log,
    wanted: Wanted,
    faults: FaultLog,
    put: Callable[[list[Entry]], object],
    *,
    finish: bool,
) -> tuple[Reading, Iterable[Entry]]:
    """A reader that has read what there is, and of that the last records; without `last` they are
    `put` on the way."""
    lines = wanted.last + 4 if wanted.last is not None and wanted.everything else None
    while True:
        reader, more = log.open(faults, lines=lines, since_ns=wanted.since_ns)
        kept: deque[Entry] = deque(maxlen=wanted.last)
        begun: set[str] = set()
        try:
            for entries in everything(reader, finish=finish):
                fitting = [entry for entry in entries if wanted.fits(entry)]
                if more:
                    fitting = _without_first(fitting, begun)
                if wanted.last is None:
                    put(fitting)
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


def everything(reader: Reading, *, finish: bool) -> Iterator[list[Entry]]:
    """What there is to read now, and where it is to `finish` the last record too."""
    yield from reader.read()
    if finish:
        yield from reader.finish()


class Printer:
    """Records as bytes."""

    def __init__(
        self, out: Out, *, as_json: bool, timestamps: bool, width: int | None = None
    ) -> None:
        """width: of the names before each line; None: no name."""
        self._out = out
        self._width = width
        self._name = b""
        self._container: Container | None = None
        self._as_json = as_json
        self._timestamps = timestamps
        self._tty = out.isatty()
        self._encode: Callable[[list[Entry]], bytes] = self._text

    def begin(self, container: Container) -> None:
        """What comes from now on is of this container, or of this run of it."""
        if container is self._container:
            return
        self._container = container
        if self._width is not None:
            self._name = f"{container.title:<{self._width}} | ".encode("utf-8", "backslashreplace")
            self._name = _DIM + self._name + _PLAIN if self._tty else self._name
        if self._as_json:
            from exporters.file.json_lines import JsonLinesEncoder

            encoder = JsonLinesEncoder(record_fields(container))
            self._encode = lambda entries: encoder.encode([*map(_in_unicode, entries)])

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
            return self._name + stamp + content + b"\n"
        content = _on_screen(content)
        if stamp:
            stamp = _DIM + stamp + _PLAIN
        stamp = self._name + stamp
        if stream == "stderr":
            return stamp + _STDERR + content + _PLAIN + b"\n"
        # A colour that a program left on ends with its line.
        return stamp + content + (_PLAIN if b"\x1b" in content else b"") + b"\n"


def _on_screen(content: bytes) -> bytes:
    """A line for a terminal: what is not UTF-8, and what would steer it, as \\xff and \\x1b."""
    # A container with a terminal of its own ends its lines in \r\n.
    text = content.removesuffix(b"\r").decode("utf-8", "backslashreplace")
    return _HARMFUL.sub(_escaped, text).encode()


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()


def _in_unicode(entry: Entry) -> Entry:
    """As JSON can say it: where bytes are not UTF-8 they are U+FFFD in `log`, and all of the line's
    are in `log_base64`."""
    time_ns, stream, content, extra, partial = entry
    text = clean(content)
    if text == content:
        return entry
    own = base64.b64encode(content).decode()
    return time_ns, stream, text, {**(extra or {}), "log_base64": own}, partial


def rfc3339(time_ns: int) -> str:
    """2026-11-24T03:16:16.105173157Z"""
    second_ns, second = second_of(time_ns)
    return f"{second}.{time_ns - second_ns:09d}Z"
