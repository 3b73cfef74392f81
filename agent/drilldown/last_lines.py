"""What a container that keeps ending printed last, from its log files, without the worker."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from agent.container.container import Container
from agent.container.log_source import LogSource
from agent.container.log_targets import newest, runs_of
from agent.logs.faults import FaultLog
from agent.logs.reader import LogReader
from agent.logs.starting_point import begin_at_last
from agent.records import NamedTuple

MOST: Final = 3
"""Lines."""
_PIECES: Final = 8
"""Lines of the file looked at for one record: a long one is written in pieces."""
_LONGEST: Final = 200
"""Characters."""


class LastLines(NamedTuple):
    """The end of a log."""

    lines: tuple[str, ...]
    """Oldest first, as text that is safe on a terminal."""
    path: str


Redact = Callable[[Container, list[bytes]], list[bytes]]
"""The lines of a container without what nobody else is to read."""


def plain(_container: Container, lines: list[bytes]) -> list[bytes]:
    """As they are: for those who may read the log anyway."""
    return lines


def last_lines(
    own: Sequence[LogSource], sources: Sequence[LogSource], redact: Redact = plain
) -> LastLines | None:
    """
    Of the container with one of the logs `own`, or of its run before where the newest has said
    nothing.

    None: no log file that can be read, or nothing in it.
    """
    if not own:
        return None
    runs = sorted(runs_of(own[0], sources), key=newest, reverse=True)
    for source in runs:
        try:
            lines = _read(source, redact)
        except OSError:
            continue  # Gone, or not ours to read: `agent logs` says which.
        if lines:
            return LastLines(lines, source.path)
    return None


def _read(source: LogSource, redact: Redact) -> tuple[str, ...]:
    passed_over, _ = begin_at_last(source.path, source.format, MOST * _PIECES)
    quiet = FaultLog(lambda _text: None, time.monotonic, time.time)
    # More than are shown: a secret may have begun on a line before.
    kept: deque[bytes] = deque(maxlen=MOST * _PIECES)
    reader = LogReader(source.path, source.format, quiet, passed_over, owner=source.owner)
    with reader:
        for entries in reader.read():
            kept += [entry[2] for entry in entries if entry[2].strip()]
        for entries in reader.finish():
            kept += [entry[2] for entry in entries if entry[2].strip()]
    return tuple(_printable(line) for line in redact(source.container, list(kept))[-MOST:])


def _printable(line: bytes) -> str:
    text = line.decode(errors="backslashreplace").strip()
    text = "".join(sign if sign.isprintable() else " " for sign in text)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
