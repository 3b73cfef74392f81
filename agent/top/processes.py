"""The processes of one container, for the drill-down: read while a person looks, never on a tick.

psutil for what every tool shows, /proc/PID/status and wchan for what it leaves out. What ended
between two reads is left out; what may not be read is None.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Final, TypeVar

import psutil

from agent.kernelfile import Denied, UnexpectedText, read
from agent.records import NamedTuple

T = TypeVar("T")

MOST: Final = 500
"""Processes looked at; of a container with more, the first."""


class Process(NamedTuple):
    """One process. None: not permitted, or not known yet."""

    pid: int
    pid_inside: int | None
    """As the container numbers it."""
    command: str
    cores: float | None
    """CPU time per time since the look before."""
    resident: int | None
    """Bytes."""
    proportional: int | None
    """Bytes, shared memory divided among those that share it (PSS). None also where not asked."""
    state: str
    threads: int | None
    files: int | None
    """Open file descriptors."""
    waits_in: str
    """The kernel function it sleeps in; "" where it runs, or this is not told."""


class ProcessReader:
    """Reads again and again; CPU is over the time since the last look."""

    def __init__(self, proc: str = "/proc") -> None:
        self._proc = proc
        self._used: dict[psutil.Process, float] = {}
        self._at = 0.0

    def look(self, pids: Iterable[int], *, proportional: bool = False) -> tuple[Process, ...]:
        """Those of `pids` that are there, the busiest first. `proportional` takes its time."""
        now = time.monotonic()
        used: dict[psutil.Process, float] = {}
        found = []
        for pid in list(pids)[:MOST]:
            try:
                process = psutil.Process(pid)
                with process.oneshot():
                    times = process.cpu_times()
                    used[process] = times.user + times.system
                    found.append(self._one(process, used[process], now, proportional))
            except psutil.Error:
                continue  # ended meanwhile
        self._used, self._at = used, now
        return tuple(sorted(found, key=lambda one: (-(one.cores or 0.0), one.pid)))

    def _one(self, process: psutil.Process, used: float, now: float, proportional: bool) -> Process:
        # psutil.Process is equal by pid and start: a pid used again has no earlier look.
        before = self._used.get(process)
        over = now - self._at
        return Process(
            pid=process.pid,
            pid_inside=self._read(process.pid, "status", parse_pid_inside),
            command=" ".join(process.cmdline()) or f"[{process.name()}]",
            cores=None if before is None or over <= 0 else max(0.0, used - before) / over,
            resident=process.memory_info().rss,
            proportional=_proportional(process) if proportional else None,
            state=process.status(),
            threads=process.num_threads(),
            files=_files(process),
            waits_in=self._read(process.pid, "wchan", parse_wait) or "",
        )

    def _read(self, pid: int, name: str, parse: Callable[[str], T]) -> T | None:
        try:
            return read(f"{self._proc}/{pid}/{name}", parse)
        except (Denied, UnexpectedText):
            return None


def parse_pid_inside(text: str) -> int | None:
    """The last number of "NSpid:	4711	1": the pid in the innermost namespace; None without."""
    for line in text.splitlines():
        if line.startswith("NSpid:"):
            last = line.split()[-1]
            return int(last) if last.isdecimal() else None
    return None


def parse_wait(text: str) -> str:
    """/proc/PID/wchan: "ep_poll", or "0" where the task runs."""
    return "" if text.strip() == "0" else text.strip()


def _files(process: psutil.Process) -> int | None:
    try:
        return int(process.num_fds())
    except psutil.AccessDenied:
        return None


def _proportional(process: psutil.Process) -> int | None:
    try:
        return int(process.memory_full_info().pss)
    except psutil.AccessDenied:
        return None
