"""Processes the demo starts and leaves running, and finds again later without being their parent.

A pid alone may be somebody else's by then; the pid with its start time is not.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from agent.demo.client import DemoError, ProcessRef


def detach(argv: Sequence[str], log: Path) -> ProcessRef:
    """
    Start a program in a session of its own, with its output in `log`, and leave it.

    A shell starts it in the background and ends, so that init reaps it, not us.
    """
    script = 'log=$1; shift; "$@" </dev/null >"$log" 2>&1 & echo $!'
    started = subprocess.run(
        ["/bin/sh", "-c", script, "sh", str(log), *argv],
        check=True,
        capture_output=True,
        text=True,
        start_new_session=True,
    )
    pid = int(started.stdout)
    ticks = _start_ticks(pid)
    if ticks is None:
        raise DemoError(f"{argv[0]} ended at once: {last_line(log)}")
    return ProcessRef(pid, ticks)


def alive(process: ProcessRef) -> bool:
    """Whether it still runs; a zombie does not."""
    return _start_ticks(process.pid) == process.start_ticks


def end(process: ProcessRef, seconds: float = 15.0) -> None:
    """Ask it to end, and kill it after `seconds`. Returns when it is gone."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if alive(process):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, number)
            _wait(process, seconds)


def kill_group(process: ProcessRef) -> None:
    """Kill it and its children in the same process group at once. Returns when it is gone."""
    if alive(process):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(os.getpgid(process.pid), signal.SIGKILL)
        _wait(process, 5.0)


def _wait(process: ProcessRef, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while alive(process) and time.monotonic() < deadline:
        time.sleep(0.02)


def last_line(log: Path) -> str:
    """The last line of a log, for a message."""
    lines = log.read_text(errors="replace").splitlines()
    return lines[-1] if lines else "it said nothing"


def _start_ticks(pid: int) -> int | None:
    try:
        fields = Path("/proc", str(pid), "stat").read_text(errors="replace").rpartition(")")[2]
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, *rest = fields.split()
    return None if state in "ZX" else int(rest[18])
