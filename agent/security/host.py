"""What the host itself is, for telling what a container shares with it.

The host's namespaces and bounding set are those of kthreadd, which the kernel starts first and
which never leaves them; where the agent does not see it (a pid namespace of its own), of pid 1.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Final

from agent.config import HostPaths
from agent.kernelfile import Denied, read
from agent.procfs.credentials import parse_credentials
from agent.procfs.mountinfo import Mount, parse_mountinfo
from agent.procfs.pid import parse_pid_stat
from agent.records import dataclass
from agent.security.capabilities import Capabilities, from_mask
from agent.security.process import read_namespaces

_KTHREADD: Final = 2

SOCKETS: Final = (
    "/run/docker.sock",
    "/run/containerd/containerd.sock",
    "/run/crio/crio.sock",
    "/run/podman/podman.sock",
    "/run/cri-dockerd.sock",
    "/run/k3s/containerd/containerd.sock",
    "/run/buildkit/buildkitd.sock",
)
"""Where runtimes listen. Whoever may write there is root on the host."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostState:
    """The host. What may not be read is empty or None, and nothing is concluded from it."""

    namespaces: Mapping[str, int]
    """As `ProcessState.namespaces`."""
    bounding: Capabilities | None
    """What a process of the host can have at most: what "all capabilities" means here."""
    mounts: Mapping[tuple[int, int], tuple[Mount, ...]]
    """By device: finding where a directory of a filesystem is mounted looks at few."""
    sockets: tuple[str, ...]
    """The `SOCKETS` that are there."""


def read_host(paths: HostPaths) -> HostState:
    """Read it. Raises `UnexpectedText`, OSError for what is neither absent nor refused."""
    proc = paths.proc
    return HostState(
        namespaces=_namespaces(proc),
        bounding=_bounding(proc),
        mounts=by_device(_mounts(proc)),
        sockets=tuple(path for path in SOCKETS if os.path.exists(paths.host(path))),
    )


def by_device(mounts: Sequence[Mount]) -> dict[tuple[int, int], tuple[Mount, ...]]:
    """Group a mount table, its order kept."""
    found: dict[tuple[int, int], list[Mount]] = {}
    for mount in mounts:
        found.setdefault(mount.device, []).append(mount)
    return {device: tuple(group) for device, group in found.items()}


def _witness(proc: str) -> int:
    stat = read(f"{proc}/{_KTHREADD}/stat", parse_pid_stat)
    return _KTHREADD if stat is not None and stat.comm == "kthreadd" and stat.ppid == 0 else 1


def _namespaces(proc: str) -> dict[str, int]:
    return read_namespaces(f"{proc}/1", []) | read_namespaces(f"{proc}/{_witness(proc)}", [])


def _bounding(proc: str) -> Capabilities | None:
    masks = []
    for pid in {_witness(proc), 1}:
        credentials = read(f"{proc}/{pid}/status", parse_credentials)
        if credentials is not None:
            masks.append(credentials.bounding)
    if not masks:
        return None
    all_of_them = masks[0]
    for mask in masks[1:]:
        all_of_them &= mask  # a machine that starts its pid 1 with less has less to give
    return from_mask(all_of_them)


def _mounts(proc: str) -> tuple[Mount, ...]:
    for pid in ("1", "self"):
        try:
            mounts = read(f"{proc}/{pid}/mountinfo", parse_mountinfo)
        except Denied:
            continue
        if mounts:
            return mounts
    return ()
