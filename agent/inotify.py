"""inotify(7): which files and directories were made, removed or changed.

A thin binding, no policy. A watch is on one directory or file, not on what is below it. Events may
be lost when the queue is full (`OVERFLOW`, /proc/sys/fs/inotify/max_queued_events), and none come
from NFS or FUSE, so whoever uses this also looks by itself from time to time. Instances are scarce:
max_user_instances is 128, shared with the kubelet and containerd.
"""

from __future__ import annotations

import ctypes
import os
import struct
from typing import Final

from agent.records import NamedTuple

MODIFY: Final = 0x2
CLOSE_WRITE: Final = 0x8
MOVED_FROM: Final = 0x40
MOVED_TO: Final = 0x80
CREATE: Final = 0x100
DELETE: Final = 0x200
OVERFLOW: Final = 0x4000
"""Events were lost: anything may have happened. `watch` is -1."""
IGNORED: Final = 0x8000
"""What was watched is gone, and the watch with it."""
ONLYDIR: Final = 0x1000000
ISDIR: Final = 0x40000000

_HEADER: Final = struct.Struct("iIII")
_BUFFER: Final = 64 * 1024


class Change(NamedTuple):
    """One event."""

    watch: int
    mask: int
    name: str
    """In the watched directory; "" for the watched thing itself."""


class Inotify:
    """One instance. Not thread-safe."""

    def __init__(self) -> None:
        """Raises OSError (EMFILE) where the host has no instance left."""
        self.fd: int = _libc().inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        """Readable when there is something to `read`."""
        if self.fd < 0:
            raise _error("inotify_init1")

    def add(self, path: str, mask: int) -> int:
        """
        Watch `path` and return the watch's number; the one it has where it is watched already.

        Raises OSError: ENOSPC where max_user_watches is used up, ENOENT where `path` is gone.
        """
        number: int = _libc().inotify_add_watch(self.fd, os.fsencode(path), mask)
        if number < 0:
            raise _error(path)
        return number

    def remove(self, watch: int) -> None:
        """Stop watching. A watch that the kernel took away already is no error."""
        _libc().inotify_rm_watch(self.fd, watch)

    def read(self) -> list[Change]:
        """Everything in the queue, oldest first; empty where there is nothing."""
        changes: list[Change] = []
        while True:
            try:
                data = os.read(self.fd, _BUFFER)
            except BlockingIOError:
                return changes
            changes += parse(data)

    def close(self) -> None:
        """Close the instance; its watches go with it. May be called again."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def parse(data: bytes) -> list[Change]:
    """What one read(2) returned: whole events, one after the other."""
    changes = []
    offset = 0
    while offset < len(data):
        watch, mask, _cookie, length = _HEADER.unpack_from(data, offset)
        offset += _HEADER.size
        name = data[offset : offset + length].rstrip(b"\0")
        offset += length
        changes.append(Change(watch, mask, os.fsdecode(name)))
    return changes


_loaded: ctypes.CDLL | None = None


def _libc() -> ctypes.CDLL:
    global _loaded
    if _loaded is None:
        _loaded = ctypes.CDLL(None, use_errno=True)
    return _loaded


def _error(path: str) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number), path)
