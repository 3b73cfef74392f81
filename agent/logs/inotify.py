"""inotify on directories: what was made, renamed or deleted in them.

One instance for the whole worker: /proc/sys/fs/inotify/max_user_instances is 128, shared with the
kubelet and containerd. Only directories are watched: a watch on a busy log file would bring an
event for every write. No events come from NFS or FUSE, and the queue can overflow, so whoever uses
this also looks by itself from time to time.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Iterable
from typing import Final, NamedTuple

from agent.logs.faults import FaultLog

_MOVED_FROM: Final = 0x40
_MOVED_TO: Final = 0x80
_CREATE: Final = 0x100
_DELETE: Final = 0x200
_Q_OVERFLOW: Final = 0x4000
_IGNORED: Final = 0x8000
_ONLYDIR: Final = 0x1000000
_ISDIR: Final = 0x40000000
_MASK: Final = _MOVED_FROM | _MOVED_TO | _CREATE | _DELETE | _ONLYDIR
_EVENT: Final = struct.Struct("iIII")
_BUFFER: Final = 64 * 1024

_libc = ctypes.CDLL(None, use_errno=True)


class Change(NamedTuple):
    """Something was made, renamed or deleted."""

    directory: str
    name: str
    is_directory: bool


class Inotify:
    """One inotify instance."""

    def __init__(self, fd: int, faults: FaultLog) -> None:
        self.fd = fd
        """Readable when there is news."""
        self._faults = faults
        self._directories: dict[int, str] = {}

    @classmethod
    def open(cls, faults: FaultLog) -> Inotify | None:
        """Make an instance; None where the host has none left: said, and done without."""
        fd = _libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if fd < 0:
            faults.report(
                "warning", "inotify",
                "No inotify: new log files are found a few seconds later.",
                error=os.strerror(ctypes.get_errno()),
            )  # fmt: skip
            return None
        return cls(fd, faults)

    def watch(self, directories: Iterable[str]) -> bool:
        """Watch these directories; return whether any is watched for the first time."""
        wanted = set(directories)
        known = set(self._directories.values())
        new = False
        for directory in wanted - known:
            number = _libc.inotify_add_watch(self.fd, os.fsencode(directory), _MASK)
            if number >= 0:
                self._directories[number] = directory
                new = True
            elif ctypes.get_errno() not in (errno.ENOENT, errno.ENOTDIR):
                self._faults.report(
                    "warning", "inotify watch",
                    "A directory cannot be watched: its new log files are found later.",
                    directory=directory, error=os.strerror(ctypes.get_errno()),
                )  # fmt: skip
        for number, directory in list(self._directories.items()):
            if directory not in wanted:
                _libc.inotify_rm_watch(self.fd, number)
                del self._directories[number]
        return new

    def read(self) -> list[Change] | None:
        """Return what changed; None where events were lost, so that anything may have."""
        changes: list[Change] = []
        while True:
            try:
                data = os.read(self.fd, _BUFFER)
            except BlockingIOError:
                return changes
            offset = 0
            while offset < len(data):
                number, mask, _cookie, length = _EVENT.unpack_from(data, offset)
                offset += _EVENT.size
                name = data[offset : offset + length].rstrip(b"\0")
                offset += length
                if mask & _Q_OVERFLOW:
                    return None
                if mask & _IGNORED:  # the directory is gone, and its watch with it
                    self._directories.pop(number, None)
                    continue
                directory = self._directories.get(number)
                if directory is not None:
                    changes.append(Change(directory, os.fsdecode(name), bool(mask & _ISDIR)))

    def close(self) -> None:
        """Close the instance. Idempotent."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
