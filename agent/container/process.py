"""A container's first process: which one it is, and since when it runs.

At first only transient `runc init` stages are in the cgroup, so the pid that the runtime wrote down
counts; it is the one that later becomes the container's own program. A pid is only believed if it
is in the container: a runtime inside another pid namespace wrote down another machine's number.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import Final

from agent.container.statefile import read_bytes
from agent.container.supervisor import Supervisor
from agent.kernelfile import read
from agent.procfs.pid import parse_pid_stat

_TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")
_TRANSIENT: Final = ("runc", "crun", "conmon")
"""Names of the stages before the container's own program: "runc", "runc:[2:INIT]", "crun"."""


def boot_time() -> float:
    """Unix seconds of the boot, to the fraction that /proc/stat's btime leaves out."""
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)


def init_pid(
    proc: str,
    cgroup_path: str,
    recorded: int | None,
    supervisor: Supervisor | None,
    pids: Sequence[int],
) -> int | None:
    """
    The container's first process. None where it is not certain yet.

    recorded: what the runtime wrote down. pids: processes of the cgroup, which may all be in
    cgroups below it.
    """
    if recorded is not None and (
        recorded in pids or (not pids and _is_in(proc, recorded, cgroup_path))
    ):
        return recorded
    if supervisor is not None and supervisor.child in pids:
        stat = read(f"{proc}/{supervisor.child}/stat", parse_pid_stat)
        if stat is not None and not stat.comm.startswith(_TRANSIENT):
            return supervisor.child
    return None


def started(proc: str, pid: int, booted: float) -> float | None:
    """Unix seconds when `pid` started; None once it is gone. booted: see `boot_time`."""
    stat = read(f"{proc}/{pid}/stat", parse_pid_stat)
    return None if stat is None else booted + stat.starttime_ticks / _TICKS_PER_SECOND


def uid_of(proc: str, pid: int) -> int | None:
    """Whose process `pid` is; None once it is gone."""
    try:
        return os.stat(f"{proc}/{pid}").st_uid
    except FileNotFoundError:
        return None


def read_pidfile(path: str) -> int | None:
    """The number in `path`; None where it is absent or still empty. Raises `Denied`."""
    data = read_bytes(path)
    written = (data or b"").strip()
    return int(written) if written.isdigit() and len(written) < 10 else None


def _is_in(proc: str, pid: int, cgroup_path: str) -> bool:
    # Only the last segment: in a private cgroup namespace the front of the path is another one.
    last = "/" + cgroup_path.rpartition("/")[2]
    text = read(f"{proc}/{pid}/cgroup", str)
    return text is not None and any(
        line.endswith(last) or f"{last}/" in line for line in text.splitlines()
    )
