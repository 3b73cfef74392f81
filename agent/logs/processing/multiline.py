r"""Lines of one record joined again: stack traces, or whatever a first line's expression says.

    java.lang.IllegalStateException: no cart        Traceback (most recent call last):
        at shop.Cart.find(Cart.java:42)               File "a.py", line 3, in f
    Caused by: java.io.IOException: reset           ValueError: no cart

Each line is asked whether it continues the record before it in the same stream; the answer depends
on what that record is (`_RULES`). So a record is known to be whole only when the next line comes:
it waits for that, for at most `WAIT` seconds in a container that writes nothing.

A record is closed at `MAX_LINES` lines or `MAX_BYTES` bytes; what follows begins a new one, which
goes on being joined. `floor` is where the oldest open record begins: no checkpoint may pass it.
"""

from __future__ import annotations

import re
from typing import Final

from agent.log_patterns import LOOK
from agent.logs.entry import Entry
from agent.logs.partial import Position

MAX_LINES: Final = 1000
MAX_BYTES: Final = 256 * 1024
"""Of one record: half of what a joined line may have."""
WAIT: Final = 2.0
"""Seconds. A program writes its stack trace at once; the runtime and we add less than that."""

_ANY: Final = ""

_Rules = dict[str, list[tuple[re.Pattern[bytes], str]]]


def _rules(*rows: tuple[str, bytes, str]) -> tuple[tuple[str, re.Pattern[bytes], str], ...]:
    return tuple((state, re.compile(pattern), then) for state, pattern, then in rows)


_FRAME: Final = rb"\s+at \S"
_TRACEBACK: Final = rb"Traceback \(most recent call last\):"
_GROUP: Final = rb"  \+ Exception Group Traceback \(most"
_STARTS: Final = {
    "java": (),
    "python": _rules(
        ("", _TRACEBACK, "py"),
        ("", _GROUP, "py group"),
        # What comes before a traceback, also where a message of many lines parted it from the rest.
        ("", rb"During handling of the above|The above exception was", "py chain"),
        ("", rb"Exception in thread [^\"].*:\Z|Exception ignored in: ", "py chain"),
    ),
    "go": _rules(("", rb"panic: |fatal error: |goroutine \d+ \[|http: panic serving ", "go")),
    "ruby": (),
    "node": _rules(
        ("", rb"(?:/|[A-Z]:\\|file:///|node:)\S*:\d+\Z|\S+\.[cm]?[jt]s:\d+\Z", "node head")
    ),
}
"""What a first line begins."""
_RULES: Final = {
    # What Java and Node call "frames" is one state: with both languages a trace may be of either.
    "java": _rules(
        (_ANY, _FRAME, "frames"),
        ("frames", _FRAME, "frames"),
        ("frames", rb"\s+\.\.\. \d+ (?:more|common)", "frames"),
        ("frames", rb"\s*(?:Caused by|Suppressed|Wrapped by): |\s*\[CIRCULAR REFERENCE", "frames"),
    ),
    "python": _rules(
        ("py", rb"\s+\S", "py"),
        ("py", rb"\S", "py end"),
        ("py end", rb"\s+\S", "py end"),
        ("py end", rb"\s*\Z", "py gap"),
        ("py gap", rb"During handling of the above|The above exception was", "py chain"),
        ("py chain", rb"\s*\Z", "py chain"),
        ("py chain", _TRACEBACK, "py"),
        ("py chain", _GROUP, "py group"),
        # Each of its lines has a margin; the first one that has none is no part of it.
        ("py group", rb"\s+[|+]", "py group"),
        ("py group", rb"\s*\Z", "py gap"),
    ),
    "go": _rules(
        ("go", rb"\s*\Z|\s", "go"),
        ("go", rb"goroutine \d+ |created by |\[signal |panic: |exit status |runtime", "go"),
        ("go", rb"[\w./*()\[\]{}\xc2\xb7$~@-]+\([^()]*\)\Z|\w+\s+0x[0-9a-f]+\Z", "go"),
    ),
    "ruby": _rules(
        (_ANY, rb"\s+from \S|\s+\d+: from \S|\s+\S+\.(?:rb|erb|ru):\d+:in ", "ruby"),
        ("ruby", rb"\s+from \S|\s+\d+: from \S|\s+\S+\.(?:rb|erb|ru):\d+:in ", "ruby"),
        ("ruby", rb"\s+\.\.\. \d+ levels", "ruby"),
    ),
    "node": _rules(
        (_ANY, _FRAME, "frames"),
        ("frames", _FRAME, "frames"),
        ("frames", rb"\s+\.\.\. \d+ lines matching", "frames"),
        ("frames", rb"\s+\[\w+\]: |\s+\w+: \S|\s*[}\]]+,?\s*\Z", "frames"),
        # What was not caught: the line of source, a mark below it, a blank one, the error, and at
        # last a blank one and the version.
        ("node head", rb"(?:Uncaught )?\w*(?:Error|Exception)\b", "node thrown"),
        ("node head", rb"\s*\S", "node source"),
        ("node source", rb"\s*\^+\s*\Z", "node mark"),
        ("node mark", rb"\s*\Z", "node mark"),
        ("node mark", rb"\S", "node thrown"),
        ("node thrown", _FRAME, "node thrown"),
        ("node thrown", rb"\s+\.\.\. \d+ lines matching", "node thrown"),
        ("node thrown", rb"\s+\[\w+\]: |\s+\w+: \S|\s*[}\]]+,?\s*\Z", "node thrown"),
        ("node thrown", rb"\s*\Z|Node\.js v\d|Thrown at:|\(Use `node ", "node thrown"),
    ),
}
"""State of the record, what a line must look like to continue it, its state then."""


class _Open:
    """A record of which more lines may come."""

    __slots__ = ("entry", "lines", "looked", "pieces", "position", "quiet_since", "size", "state")

    def __init__(self, entry: Entry, position: Position, state: str) -> None:
        self.entry = entry
        self.position = position
        self.state = state
        self.pieces = [entry[2]]
        self.size = len(entry[2])
        self.lines = 1
        self.looked = 0
        self.quiet_since = 0.0

    def joined(self) -> Entry:
        if self.lines == 1:
            return self.entry
        time_ns, stream, _content, extra, partial = self.entry
        return time_ns, stream, b"\n".join(self.pieces), extra, partial


class Grammar:
    """Which lines belong together. One for all containers with the same settings."""

    def __init__(self, languages: tuple[str, ...], first_line: re.Pattern[bytes] | None) -> None:
        self._first_line = first_line
        self._starts = [(pattern, then) for name in languages for _, pattern, then in _STARTS[name]]
        self._rules: _Rules = {}
        for name in languages:
            for state, pattern, then in _RULES[name]:
                self._rules.setdefault(state, []).append((pattern, then))
        self._plain = self._rules.get(_ANY, [])

    def begin(self, content: bytes) -> str:
        """The state of a record with this first line."""
        for pattern, then in self._starts:
            if pattern.match(content, 0, LOOK):
                return then
        return _ANY

    def goes_on(self, state: str, content: bytes) -> str | None:
        """The state after this line, None where it begins a new record."""
        if self._first_line is not None and self._first_line.search(content, 0, LOOK):
            return None
        rules = self._rules.get(state, ()) if state else self._plain
        # What continues a record that is nothing yet begins with a blank.
        if state or content[:1] in (b" ", b"\t"):
            for pattern, then in rules:
                if pattern.match(content, 0, LOOK):
                    return then
        return state if self._first_line is not None else None


class Multiline:
    """The open records of one container, at most one per stream."""

    def __init__(
        self, grammar: Grammar, max_lines: int = MAX_LINES, max_bytes: int = MAX_BYTES
    ) -> None:
        self._grammar = grammar
        self._max_lines = max_lines
        self._max_bytes = max_bytes
        self._open: dict[str, _Open] = {}

    @property
    def floor(self) -> Position | None:
        """Where the oldest open record begins; None where none is open."""
        return min((record.position for record in self._open.values()), default=None)

    def feed(self, entries: list[Entry], positions: list[Position]) -> list[Entry]:
        """Take whole lines, each with the place where it began; return the records they finish."""
        out: list[Entry] = []
        goes_on = self._grammar.goes_on
        for entry, position in zip(entries, positions, strict=True):
            stream, content = entry[1], entry[2]
            record = self._open.get(stream)
            if record is not None:
                # A line with a note of its own (cut, unparsed) keeps it, and stands alone.
                noted = entry[3] is not None and "note" in entry[3]
                then = None if noted else goes_on(record.state, content)
                size = record.size + 1 + len(content)
                if then is not None and record.lines < self._max_lines and size <= self._max_bytes:
                    record.pieces.append(content)
                    record.lines += 1
                    record.size, record.state = size, then
                    continue
                out.append(record.joined())
                state = then or self._grammar.begin(content)
            else:
                state = self._grammar.begin(content)
            self._open[stream] = _Open(entry, position, state)
        return out

    def expire(self, now: float) -> list[Entry]:
        """Return records that did not grow for `WAIT` seconds. Called now and then."""
        late = []
        for stream, record in list(self._open.items()):
            if record.looked != record.lines:
                record.looked, record.quiet_since = record.lines, now
            elif now - record.quiet_since >= WAIT:
                late.append(self._open.pop(stream))
        return [record.joined() for record in sorted(late, key=lambda record: record.position)]

    def finish(self) -> list[Entry]:
        """Return every open record: no more will come."""
        records = sorted(self._open.values(), key=lambda record: record.position)
        self._open.clear()
        return [record.joined() for record in records]
