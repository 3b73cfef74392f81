"""What the demo runs: one container for each thing the agent shows.

Every script needs busybox alone and is safe where a limit is missing: the victim of the OOM killer
stops at twice its limit by itself, the file of the I/O has a fixed size, the log's pace is fixed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from agent.demo.client import DemoError
from agent.records import dataclass

MIB: Final = 1024 * 1024
LINES_PER_SECOND: Final = 1000
EXIT_STATUS: Final = 3
EXIT_AFTER: Final = 11
"""Seconds. Docker waits longer and longer, up to a minute, before it restarts a program that lived
under 10 s; one that lived longer it restarts at once."""

IO_FILE: Final = "/tmp/demo-io"  # noqa: S108 in the container, which has it to itself
LINE: Final = "line %010d of the demo: as many as a busy web server writes."
"""What demo-logger prints, numbered from 1: all lines have one length."""


@dataclass(frozen=True, slots=True)
class Workload:
    """One container of the demo, before a runtime and a prefix are chosen."""

    name: str
    """Without the prefix."""
    shows: str
    script: str
    """For /bin/sh -c."""
    cpus: float | None = None
    """Limit in cores; None for none."""
    memory: int | None = None
    """Limit in bytes, swap included; None for none."""
    restart: bool = False
    """Started again when it exits with a failure."""
    logs: bool = False
    """What it prints is what it is for."""
    needs_limit: bool = False
    """Not run where its limit cannot be had: it would use a whole core."""

    @property
    def limits(self) -> str:
        """ "0.2 cores", "64 MiB", "-"."""
        if self.cpus is not None:
            return f"{self.cpus:g} cores"
        if self.memory is not None:
            return f"{self.memory // MIB} MiB"
        return "-"


# A pipe into sleep: dd reads 57 MiB of zeros into its own buffer (anonymous memory), and then
# waits for a reader that never comes. With the rest of the container that is 90% of 64 MiB.
_MEMORY = "dd if=/dev/zero bs=57M count=1 2>/dev/null | sleep 1000000000"

# The kernel kills by oom_score: at 1000 it is always the victim, never the shell (the container).
_OOM = """\
while :; do
    (echo 1000 >/proc/self/oom_score_adj
     exec dd if=/dev/zero of=/dev/null bs=64M count=1 2>/dev/null)
    sleep 2
done"""

# Direct I/O: cgroup v1 counts buffered writes for nobody, and v2 only when they are written back.
# Filesystems without it (tmpfs, some overlays) get fsync. 2 MiB/s each way, one file of 1 MiB.
_IO = f"""\
while :; do
    dd if=/dev/zero of={IO_FILE} bs=64k count=16 conv=notrunc oflag=direct 2>/dev/null ||
        dd if=/dev/zero of={IO_FILE} bs=64k count=16 conv=notrunc,fsync 2>/dev/null
    dd if={IO_FILE} of=/dev/null bs=64k iflag=direct 2>/dev/null
    sleep 0.5
done"""

# One awk prints what is due by the clock at every tick: the pace holds however long a tick takes.
# After a pause (SIGSTOP, a suspended machine) it catches up with 5 s of lines at most.
_LOGGER = f"""\
while sleep 0.1; do echo; done | awk '{{
    getline up <"/proc/uptime"; close("/proc/uptime"); split(up, seconds, " ")
    if (!started) started = seconds[1]
    due = int((seconds[1] - started) * {LINES_PER_SECOND})
    late = due - written - {5 * LINES_PER_SECOND}
    if (late > 0) {{ started += late / {LINES_PER_SECOND}; due -= late }}
    while (written < due)
        printf "{LINE}\\n", ++written
    fflush()
}}'"""

WORKLOADS: Final = (
    Workload(
        "throttled",
        "wants a core, gets 0.2: throttled",
        "while :; do :; done",
        cpus=0.2,
        needs_limit=True,
    ),
    Workload("memory", "holds 90% of its memory limit", _MEMORY, memory=64 * MIB),
    Workload(
        "oom",
        "its own limit OOM-kills a child",
        _OOM,
        memory=32 * MIB,
    ),
    Workload("io", "writes and reads 2 MiB/s, direct", _IO),
    Workload("logger", f"logs {LINES_PER_SECOND} numbered lines/s", _LOGGER, logs=True),
    Workload(
        "exiter",
        f"exits with {EXIT_STATUS} each {EXIT_AFTER} s, is restarted",
        # Not exec: as pid 1, sleep would ignore the signal of a polite stop.
        f"sleep {EXIT_AFTER}; echo 'cannot reach the database at db:5432' >&2; exit {EXIT_STATUS}",
        restart=True,
    ),
    Workload("idle", "sleeps", "exec sleep 1000000000"),
)


def chosen(only: Iterable[str] = (), prefix: str = "") -> tuple[Workload, ...]:
    """The workloads with these names, with the prefix or without it; () for all."""
    wanted = {name.strip().removeprefix(prefix) for name in only if name.strip()}
    known = {workload.name for workload in WORKLOADS}
    if unknown := sorted(wanted - known):
        raise DemoError(
            f"no demo container is called {', '.join(unknown)}; "
            f"there are {', '.join(workload.name for workload in WORKLOADS)}"
        )
    return tuple(workload for workload in WORKLOADS if not wanted or workload.name in wanted)
