"""A worker's statistics to its parent: lines on a pipe, which never hold up the worker."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable


class StatsWriter:
    """Writes lines to a pipe from a thread of its own: a parent that does not read stops nothing.

    While one line is being written only the newest other one waits.
    """

    def __init__(self, fd: int, on_broken: Callable[[], object]) -> None:
        self._fd = fd
        self._on_broken = on_broken
        self._line: bytes | None = None
        self._closed = False
        self._news = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="stats", daemon=True)
        self._thread.start()

    def put(self, line: bytes) -> None:
        """Write this line, unless a newer one comes before its turn."""
        with self._news:
            self._line = line
            self._news.notify()

    def close(self) -> None:
        """Write what waits, for at most a second."""
        with self._news:
            self._closed = True
            self._news.notify()
        self._thread.join(1.0)

    def _run(self) -> None:
        while True:
            with self._news:
                while self._line is None:
                    if self._closed:
                        return
                    self._news.wait()
                line, self._line = self._line, None
            try:
                while line:
                    line = line[os.write(self._fd, line) :]
            except OSError:  # the parent is gone
                self._on_broken()
                return
