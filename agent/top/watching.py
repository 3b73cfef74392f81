"""What runs beside the screen while a panel is open: one thread that looks at one container.

It ends when the panel is closed. A fault of it is said in the panel, and the screen goes on.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from agent.faults import told
from agent.kernelfile import Denied, UnexpectedText
from agent.top.log_panel import LogLine, parse_line
from agent.top.processes import Process, ProcessReader

PROCESSES_EVERY: Final = 1.0
"""Seconds."""
_LINES: Final = 2000
"""Of a log, kept."""
_DRAWN_EVERY: Final = 0.2
"""Seconds: a log that floods is not drawn line by line."""

Pids = Callable[[], Sequence[int]]
Follow = Callable[["LogSink", Callable[[], bool]], str]
"""Writes a log to the sink until told to stop; returns why it ended, "" where it was told to."""


class ProcessWatcher:
    """Looks at the processes of one container, once a second."""

    def __init__(self, pids: Pids, wake: Callable[[], None]) -> None:
        self.found: tuple[Process, ...] | None = None
        """None until there was a first look."""
        self.said = ""
        """Why none can be seen."""
        self.proportional = False
        """Also measure PSS."""
        self._pids = pids
        self._wake = wake
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="processes", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End it; a look that is running is not waited for."""
        self._stop.set()

    def _run(self) -> None:
        reader = ProcessReader()
        while not self._stop.is_set():
            first = self.found is None
            try:
                pids = self._pids()
                self.said = ""
            except (Denied, UnexpectedText, OSError) as error:
                pids, self.said = (), told(error)
            self.found = reader.look(pids, proportional=self.proportional)
            self._wake()
            # CPU needs two looks: the second comes soon.
            self._stop.wait(PROCESSES_EVERY / 4 if first else PROCESSES_EVERY)


class LogSink:
    """Takes what is printed, and keeps its last lines. It is a terminal, to get the colours."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._lines: deque[LogLine] = deque(maxlen=_LINES)
        self._lock = threading.Lock()
        self._wake = wake
        self._rest = b""
        self._drawn_at = 0.0

    def lines(self) -> tuple[LogLine, ...]:
        """The last lines, oldest first."""
        with self._lock:
            return tuple(self._lines)

    def complain(self, text: str) -> None:
        """What is wrong with the log, among its lines."""
        with self._lock:
            self._lines += [LogLine("", line, is_error=True) for line in text.splitlines()]

    def isatty(self) -> bool:
        return True

    def flush(self) -> None:
        """Everything is seen at once."""

    def write(self, data: bytes, /) -> int:
        *whole, self._rest = (self._rest + data).split(b"\n")
        parsed = [parse_line(line.decode("utf-8", "replace")) for line in whole[-_LINES:]]
        with self._lock:
            self._lines += parsed
        now = time.monotonic()
        if now - self._drawn_at >= _DRAWN_EVERY:
            self._drawn_at = now
            self._wake()
        return len(data)


class LogWatcher:
    """Follows the log of one container."""

    def __init__(self, follow: Follow, wake: Callable[[], None]) -> None:
        self.sink = LogSink(wake)
        self.said = ""
        """Why nothing comes any more."""
        self._follow = follow
        self._wake = wake
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End it; it stops within a tenth of a second, which is not waited for."""
        self._stop.set()

    def _run(self) -> None:
        try:
            self.said = self._follow(self.sink, self._stop.is_set)
        except OSError as error:
            self.said = told(error)
        except Exception as error:  # noqa: BLE001 the thread's edge: said in the panel
            self.said = f"it cannot be read: {type(error).__name__}: {error}"
        self._wake()
