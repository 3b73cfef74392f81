"""A child process that is started again when it dies.

The child gets its input on stdin, which then stays open: end of file there tells it that its parent
is gone. What it writes to stdout comes back line by line; its stderr is the parent's. It is started
again after 0.5 s, then twice as long each time up to 30 s, and from 0.5 s again once it has lived
for a minute.
"""

from __future__ import annotations

import logging
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

log = logging.getLogger(__name__)

_FIRST_WAIT: Final = 0.5
_LONGEST_WAIT: Final = 30.0
_SETTLED: Final = 60.0
"""Seconds of life after which a death is a new fault and not the last one again."""


class Child:
    """Runs one command for as long as the agent runs."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        stdin: bytes,
        on_line: Callable[[bytes], None],
        stop_timeout: float = 15.0,
    ) -> None:
        self._name = name
        self._command = list(command)
        self._stdin = stdin
        self._on_line = on_line
        self._stop_timeout = stop_timeout
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self.restarts = 0
        """How often it has been started again."""

    @property
    def name(self) -> str:
        """What it is called in messages and series."""
        return self._name

    @property
    def pid(self) -> int | None:
        """Its process id; None while it is not running."""
        process = self._process
        return None if process is None or process.poll() is not None else process.pid

    def start(self) -> None:
        """Start it, and a thread that watches it."""
        self._thread.start()

    def stop(self) -> None:
        """SIGTERM, time to finish what it is at, then SIGKILL; returns when it is gone."""
        self._stopping.set()
        with self._lock:
            if self._process is not None:
                self._process.terminate()
        self._thread.join(self._stop_timeout)
        if self._thread.is_alive():
            log.warning("%s did not stop within %s s, killed", self._name, self._stop_timeout)
            with self._lock:
                if self._process is not None:
                    self._process.kill()
            self._thread.join()

    def _run(self) -> None:
        wait = _FIRST_WAIT
        while not self._stopping.is_set():
            started = time.monotonic()
            try:
                what = f"ended with code {self._run_once()}"
            except OSError as error:
                # No process or memory to be had, a program that is being replaced: it may pass.
                what = f"cannot be started: {error}"
            if self._stopping.is_set():
                return
            if time.monotonic() - started > _SETTLED:
                wait = _FIRST_WAIT
            log.error("%s %s, starting again in %s s", self._name, what, wait)
            self.restarts += 1
            self._stopping.wait(wait)
            wait = min(2 * wait, _LONGEST_WAIT)

    def _run_once(self) -> int:
        with self._lock:
            if self._stopping.is_set():
                return 0
            process = self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                # Ctrl-C goes to the terminal's whole process group; only the agent, which stops its
                # children in order, is to hear it.
                start_new_session=True,
            )
        assert process.stdin is not None
        assert process.stdout is not None
        with process.stdin, process.stdout:
            try:
                process.stdin.write(self._stdin + b"\n")
                process.stdin.flush()
                for line in process.stdout:
                    self._on_line(line)
            except BrokenPipeError:
                # It died before it read its input; its exit code says more.
                pass
            return process.wait()
