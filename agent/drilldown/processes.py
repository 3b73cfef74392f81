"""Which processes of a container use the CPU just now: the drill-down behind `agent why`.

psutil looks at the few processes of the few containers with a finding, twice; no tick does.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Final

import psutil

from agent.records import NamedTuple

_SECONDS: Final = 0.5
_MOST: Final = 512
"""Processes looked at: of a container with more, the first."""


class Busy(NamedTuple):
    """One process."""

    pid: int
    name: str
    cores: float
    threads: int


def busiest(pids: Iterable[int], most: int = 3) -> tuple[Busy, ...]:
    """Those with the most CPU time in half a second, the busiest first; none that used none."""
    before = {}
    for pid in list(pids)[:_MOST]:
        process = _process(pid)
        if process is not None:
            before[process] = _used(process)
    start = time.monotonic()
    time.sleep(_SECONDS)
    found = []
    for process, then in before.items():
        now = _used(process)
        if then is None or now is None or now <= then:
            continue
        try:
            threads, name = process.num_threads(), process.name()
        except psutil.Error:
            continue  # ended, or not ours to look at
        found.append(Busy(process.pid, name, (now - then) / (time.monotonic() - start), threads))
    return tuple(sorted(found, key=lambda busy: -busy.cores)[:most])


def _process(pid: int) -> psutil.Process | None:
    try:
        return psutil.Process(pid)
    except psutil.Error:
        return None


def _used(process: psutil.Process) -> float | None:
    try:
        times = process.cpu_times()
    except psutil.Error:
        return None
    return float(times.user + times.system)
