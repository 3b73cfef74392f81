"""What the kernel holds a container's first process to: its effective state.

    /proc/PID/status      ids, capabilities, seccomp, no-new-privileges   anybody
    /proc/PID/uid_map     its user namespace's map                        anybody
    /proc/PID/mountinfo   what it sees mounted                            anybody
    /proc/PID/ns/*        which namespaces it is in                       CAP_SYS_PTRACE
    /proc/PID/net/dev     whose inode tells the network namespace         anybody
    /proc/PID/attr/current  AppArmor profile or SELinux label             anybody

What may not be read is None and named in `denied`; the spec then answers, or nobody does.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from agent.kernelfile import ABSENT, DENIED, Denied, read
from agent.procfs.credentials import Credentials, IdRange, parse_credentials, parse_id_map
from agent.procfs.mountinfo import Mount, parse_mountinfo
from agent.records import dataclass

T = TypeVar("T")

NAMESPACES: Final = ("net", "pid", "ipc", "uts", "user", "cgroup", "mnt")
"""Names below /proc/PID/ns."""
NET_DEV: Final = "net/dev"
"""Key in `ProcessState.namespaces` of the network namespace's other number (agent.network)."""
NO_LSM: Final = ""
"""`ProcessState.label` on a kernel where no security module labels processes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessState:
    """One process. None: may not be read, or this kernel does not say."""

    pid: int
    credentials: Credentials
    namespaces: Mapping[str, int]
    """Name → inode, of those that may be looked at; also `NET_DEV`."""
    uid_map: tuple[IdRange, ...] | None
    label: str | None
    """"docker-default (enforce)", "unconfined", "system_u:system_r:container_t:s0:c1,c2"."""
    mounts: tuple[Mount, ...] | None
    denied: tuple[str, ...] = ()
    """Files that may not be read."""


def read_process(proc: str, pid: int) -> ProcessState | None:
    """
    Read everything of `pid`. None once it is gone.

    Raises `Denied` where even status may not be read (hidepid), `UnexpectedText`, OSError.
    """
    denied: list[str] = []
    directory = f"{proc}/{pid}"

    def get(name: str, parse: Callable[[str], T]) -> T | None:
        try:
            return read(f"{directory}/{name}", parse)
        except Denied:
            denied.append(name)
            return None

    credentials = read(f"{directory}/status", parse_credentials)
    if credentials is None:
        return None
    return ProcessState(
        pid=pid,
        credentials=credentials,
        namespaces=read_namespaces(directory, denied),
        uid_map=get("uid_map", parse_id_map),
        label=_label(directory, denied),
        mounts=get("mountinfo", parse_mountinfo),
        denied=tuple(denied),
    )


def read_namespaces(directory: str, denied: list[str]) -> dict[str, int]:
    """As `ProcessState.namespaces`, of /proc/PID; the files that may not be looked at are added."""
    found: dict[str, int] = {}
    for name, path in [(name, f"ns/{name}") for name in NAMESPACES] + [(NET_DEV, NET_DEV)]:
        try:
            found[name] = os.stat(f"{directory}/{path}").st_ino
        except OSError as error:
            if error.errno in DENIED:
                denied.append(path)
            elif error.errno not in ABSENT and error.errno != errno.EINVAL:
                raise
    return found


def _label(directory: str, denied: list[str]) -> str | None:
    try:
        label = read(f"{directory}/attr/current", str)
    except Denied:
        denied.append("attr/current")
        return None
    except OSError as error:
        if error.errno == errno.EINVAL:  # no security module that labels processes
            return NO_LSM
        raise
    return None if label is None else label.strip("\0\n")
