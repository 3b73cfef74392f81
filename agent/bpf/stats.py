"""What BPF programs cost, by the kernel's own stopwatch.

The kernel counts runs and their time only while somebody asks: a descriptor of BPF_ENABLE_STATS
(CAP_SYS_ADMIN), or kernel.bpf_stats_enabled = 1. It makes each run 20 to 30 ns dearer, so it is on
for the seconds of a measurement.

Linux kernel commit d46edd671a14 ("bpf: Sharing bpf runtime stats with BPF_ENABLE_STATS") (in v5.8).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from agent.bpf import syscall
from agent.faults import told
from agent.records import NamedTuple

_SYSCTL: Final = "/proc/sys/kernel/bpf_stats_enabled"


class RunTime(NamedTuple):
    """One program, or several together. Counts only while statistics are on."""

    ns: int
    runs: int

    def __sub__(self, earlier: RunTime) -> RunTime:
        return RunTime(self.ns - earlier.ns, self.runs - earlier.runs)


def run_time(programs: Iterable[int]) -> RunTime:
    """The sum over program descriptors."""
    ns = runs = 0
    for fd in programs:
        more_ns, more_runs = syscall.program_run_time(fd)
        ns += more_ns
        runs += more_runs
    return RunTime(ns, runs)


@contextmanager
def statistics(sysctl: str = _SYSCTL) -> Iterator[str]:
    """
    Have the kernel count while the block runs. Yields "" where it does, else why it does not.
    """
    try:
        fd = syscall.enable_stats()
    except OSError as error:
        yield (
            ""
            if _always(sysctl)
            else (
                f"{told(error)}: measuring probes needs CAP_SYS_ADMIN or"
                " kernel.bpf_stats_enabled = 1"
            )
        )
        return
    try:
        yield ""
    finally:
        os.close(fd)


def _always(path: str) -> bool:
    try:
        with open(path, encoding="ascii") as file:
            return file.read().strip() == "1"
    except OSError:
        return False
