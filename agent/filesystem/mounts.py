"""Which mounts of a container matter, and where they are on the host. Pure.

A container's /proc/PID/mountinfo says of a bind mount which directory of which filesystem it is,
not where the host has it; the host's own mountinfo says where that filesystem is mounted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from agent.procfs.mountinfo import Mount, decode

_WITH_SPACE: Final = frozenset({"btrfs", "tmpfs", "xfs", "zfs", "f2fs", "bcachefs", "reiserfs"})
"""Beside ext*: filesystems that hold files of their own and can say how full they are."""
_REMOTE: Final = ("nfs", "cifs", "smb", "fuse", "ceph", "9p", "afs", "glusterfs", "lustre", "gpfs")
"""Beginnings of types whose server may be gone: then statvfs(2) blocks and cannot be interrupted.
"afs" is auristorfs' and openafs' both; fuse is any program."""
_RUNTIME: Final = ("/proc", "/sys", "/dev")
"""Mount points in a container below which the runtime puts its own mounts."""


def is_remote(fs_type: str) -> bool:
    """Whether asking this filesystem may block for good."""
    return fs_type.startswith(_REMOTE)


def holds_files(fs_type: str) -> bool:
    """Whether it is a filesystem that fills up: not a pseudo one, not a view of another."""
    return fs_type.startswith("ext") or fs_type in _WITH_SPACE or is_remote(fs_type)


def root_mount(mounts: Iterable[Mount]) -> Mount | None:
    """The mount at "/": of several, the one on top."""
    found = None
    for mount in mounts:
        if mount.mount_point == "/":
            found = mount
    return found


def upper_directory(root: Mount) -> str | None:
    """
    The writable layer of an overlay. None where it is no overlay, or has no writable layer.

    Relative ("4f0c…/diff") where the runtime had to shorten its mount options.
    """
    if root.fs_type != "overlay":
        return None
    for option in root.super_options.split(","):
        if option.startswith("upperdir="):
            return decode(option.removeprefix("upperdir="))
    return None


def volume_mounts(mounts: Iterable[Mount]) -> list[Mount]:
    """
    The mounts of a container that may be volumes, in order; of those at one place the last.

    Not its root, no pseudo filesystem, and nothing below /proc, /sys and /dev but /dev/shm. A bind
    mount of a single file is still among them: only the file itself tells.
    """
    by_place: dict[str, Mount] = {}
    for mount in mounts:
        by_place.pop(mount.mount_point, None)
        by_place[mount.mount_point] = mount
    return [
        mount
        for mount in by_place.values()
        if mount.mount_point != "/"
        and holds_files(mount.fs_type)
        and (mount.mount_point == "/dev/shm" or not _below(mount.mount_point, _RUNTIME))  # noqa: S108
    ]


def host_path(mount: Mount, host: Sequence[Mount]) -> str | None:
    """Where the host has the directory that `mount` shows. None: nowhere (a tmpfs of its own)."""
    best: Mount | None = None
    for candidate in host:
        if (
            candidate.device == mount.device
            and _below(mount.root, (candidate.root,))
            and (best is None or len(candidate.root) > len(best.root))
        ):
            best = candidate
    if best is None:
        return None
    rest = mount.root if best.root == "/" else mount.root[len(best.root) :]
    return (best.mount_point.rstrip("/") + rest).rstrip("/") or "/"


def device_name(device: tuple[int, int], mounts: Iterable[Mount], sysfs: str | None) -> str:
    """
    What a filesystem's device is called: as mounted, else as `sysfs` (/sys/dev/block) has it.

    The kernel's "/dev/root" is nobody's file; "" where there is no name.
    """
    for mount in mounts:
        if mount.device == device and mount.source.startswith("/") and mount.source != "/dev/root":
            return mount.source
    return sysfs or ""


def host_devices(mounts: Iterable[Mount]) -> list[tuple[str, Mount]]:
    """
    The host's filesystems as cAdvisor's "/" has them: (label, a mount of it), each once.

    A device by its source, a tmpfs by its mount point. Overlays only at "/": the others are
    containers, which answer for themselves. Of mounts at one place the last is the one that shows.
    """
    found: dict[str, Mount] = {}
    seen: set[tuple[int, int]] = set()
    for mount in {mount.mount_point: mount for mount in mounts}.values():
        if not (
            holds_files(mount.fs_type) or (mount.fs_type, mount.mount_point) == ("overlay", "/")
        ):
            continue
        if mount.device in seen or _below(mount.mount_point, ("/proc", "/sys")):
            continue
        seen.add(mount.device)
        label = mount.mount_point if mount.fs_type == "tmpfs" else mount.source
        found.setdefault(label, mount)
    return list(found.items())


def _below(path: str, directories: Iterable[str]) -> bool:
    return any(
        path == directory or path.startswith(directory.rstrip("/") + "/")
        for directory in directories
    )
