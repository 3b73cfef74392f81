"""What one container, or the host, uses of filesystems: nouns only. Bytes and counts.

Gathered in the background (`watcher.py`), so each part says when it was measured.
"""

from __future__ import annotations

from agent.records import NamedTuple, dataclass


class Space(NamedTuple):
    """One statvfs(2)."""

    capacity: int
    """Bytes of the whole filesystem."""
    free: int
    """Bytes that are not in use, those kept for root included."""
    available: int
    """Bytes that an ordinary process could still write."""
    inodes: int | None
    """None where the filesystem has no fixed number of inodes (btrfs)."""
    inodes_free: int | None

    @property
    def used(self) -> int:
        """Bytes in use."""
        return self.capacity - self.free


class Tree(NamedTuple):
    """One directory tree, as `du` counts it."""

    size: int
    """Bytes on disk: 512 * st_blocks, each inode once."""
    inodes: int
    """Files and directories, whiteouts not counted."""
    complete: bool
    """False where the budget ended first or a directory could not be read: there is more."""
    measured_at: float
    """Monotonic seconds at its end."""
    seconds: float
    """What it took."""


class Layer(NamedTuple):
    """A container's writable layer."""

    device: str
    """Of the filesystem it is on, "/dev/sda1"; "" where the host does not name it."""
    space: Space | None
    """Of that filesystem. None: it could not be asked."""
    tree: Tree | None
    """None before it was first walked."""
    log_size: int
    """Bytes of the container's log files on the same filesystem, rotated ones included."""
    looked_at: float | None = None
    """Monotonic seconds when that was so. None: as old as the sample."""


class Device(NamedTuple):
    """One filesystem of the host."""

    device: str
    """Its source, "/dev/sda1"; for tmpfs the mount point, as in cAdvisor."""
    space: Space


class Volume(NamedTuple):
    """What is mounted into a container at one place."""

    name: str
    """The volume's name; for a bind mount the directory on the host."""
    type: str
    """See `volume_type.py`."""
    mount_point: str
    """In the container."""
    used: int | None
    """Bytes. None: a directory on a shared filesystem whose walk is not complete."""
    inodes_used: int | None
    space: Space


@dataclass(frozen=True, slots=True)
class FilesystemUsage:
    """The newest results of one container, or of the host (`devices`)."""

    layer: Layer | None = None
    volumes: tuple[Volume, ...] = ()
    devices: tuple[Device, ...] = ()


@dataclass(frozen=True, slots=True)
class FilesystemReading:
    """The newest results of everything."""

    containers: dict[int, FilesystemUsage]
    """By cgroup inode."""
    host: FilesystemUsage | None
    """None before it was first read."""
    failures: tuple[str, ...] = ()
    """What went wrong since the last reading was taken."""
