"""The processes of a cgroup, and which of them is the container's first.

/proc/PID/status, NSpid: the process' number in each pid namespace it is in, the reader's first

    NSpid:	21440	1

A number 1 in a namespace below the reader's is a container's first process. It may still be called
`runc init`: that very process becomes the container's own program, so its end is the container's.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Final

from agent.cgroupfs.hierarchies import Hierarchies
from agent.cgroupfs.procs import parse_procs
from agent.kernelfile import ABSENT, DENIED, Denied, UnexpectedText, read

_LOOKED_AT: Final = 16
"""Processes of one cgroup that are asked for their number; the first one has a low pid."""
_LAST_STAGE: Final = "Name:\trunc:[2:INIT]\n"
"""The stage of `runc init` that becomes the container's program; those before it end."""
_DEPTH: Final = 2
"""Levels below the container's cgroup: crun's /container, systemd's /init.scope."""


def members(hierarchies: Hierarchies, path: str) -> tuple[int, ...]:
    """Processes of the cgroup, or where it has none itself, of those below it; lowest pid first."""
    mounts = dict.fromkeys((hierarchies.walk_root, hierarchies.unified))
    for mount in mounts:
        if mount is not None and (found := _below(mount + path, _DEPTH)):
            return tuple(sorted(found))
    return ()


def find_first(proc: str, pids: Sequence[int]) -> int | None:
    """
    The container's first process; None where none is seen.

    One without a pid namespace of its own is only told as long as it is still `runc init`.
    """
    for pid in pids[:_LOOKED_AT]:
        try:
            status = read(f"{proc}/{pid}/status", str) or ""
            numbers = parse_numbers(status)
        except (Denied, UnexpectedText):
            continue
        if (len(numbers) > 1 and numbers[-1] == 1) or status.startswith(_LAST_STAGE):
            return pid
    return None


def sees_own_pids(proc: str) -> bool:
    """Whether the pids in `proc` are those of this process' pid namespace."""
    try:
        numbers = read(f"{proc}/self/status", parse_numbers)
    except (Denied, UnexpectedText):
        return False
    return bool(numbers) and numbers is not None and numbers[0] == os.getpid()


def parse_numbers(text: str) -> tuple[int, ...]:
    """NSpid of /proc/PID/status; () where the kernel has no pid namespaces."""
    _, found, rest = text.partition("\nNSpid:")
    if not found:
        return ()
    numbers = rest.partition("\n")[0]
    try:
        return tuple(map(int, numbers.split()))
    except ValueError:
        raise UnexpectedText(numbers) from None


def _below(directory: str, depth: int) -> tuple[int, ...]:
    found = read(f"{directory}/cgroup.procs", parse_procs) or ()
    if found or depth == 0:
        return found
    return tuple(
        pid
        for child in _directories(directory)
        for pid in _below(f"{directory}/{child}", depth - 1)
    )


def _directories(directory: str) -> Iterable[str]:
    try:
        with os.scandir(directory) as entries:
            return [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError as error:
        if error.errno in ABSENT or error.errno in DENIED:
            return ()
        raise
