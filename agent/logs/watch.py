"""Watches on the directories of log files: what was made, renamed or deleted in them.

One inotify instance for the whole worker. Only directories are watched: a watch on a busy log file
would bring an event for every write. See agent/inotify.py for what it cannot see.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from typing import Final

from agent import inotify
from agent.inotify import Inotify
from agent.logs.faults import FaultLog
from agent.records import NamedTuple

_MASK: Final = (
    inotify.MOVED_FROM | inotify.MOVED_TO | inotify.CREATE | inotify.DELETE | inotify.ONLYDIR
)


class Change(NamedTuple):
    """Something was made, renamed or deleted."""

    directory: str
    name: str
    is_directory: bool


class DirectoryWatch:
    """The watched directories, by name."""

    def __init__(self, instance: Inotify, faults: FaultLog) -> None:
        self._instance = instance
        self._faults = faults
        self._directories: dict[int, str] = {}

    @classmethod
    def open(cls, faults: FaultLog) -> DirectoryWatch | None:
        """Make an instance; None where the host has none left: said, and done without."""
        try:
            return cls(Inotify(), faults)
        except OSError as error:
            faults.report(
                "warning", "inotify",
                "No inotify: new log files are found a few seconds later.",
                error=os.strerror(error.errno or 0),
            )  # fmt: skip
            return None

    @property
    def fd(self) -> int:
        """Readable when there is news."""
        return self._instance.fd

    def watch(self, directories: Iterable[str]) -> bool:
        """Watch these directories; return whether any is watched for the first time."""
        wanted = set(directories)
        known = set(self._directories.values())
        new = False
        for directory in wanted - known:
            try:
                self._directories[self._instance.add(directory, _MASK)] = directory
                new = True
            except OSError as error:
                if error.errno not in (errno.ENOENT, errno.ENOTDIR):
                    self._faults.report(
                        "warning", "inotify watch",
                        "A directory cannot be watched: its new log files are found later.",
                        directory=directory, error=os.strerror(error.errno or 0),
                    )  # fmt: skip
        for number, directory in list(self._directories.items()):
            if directory not in wanted:
                self._instance.remove(number)
                del self._directories[number]
        return new

    def read(self) -> list[Change] | None:
        """Return what changed; None where events were lost, so that anything may have."""
        changes: list[Change] = []
        for number, mask, name in self._instance.read():
            if mask & inotify.OVERFLOW:
                return None
            if mask & inotify.IGNORED:  # the directory is gone, and its watch with it
                self._directories.pop(number, None)
                continue
            directory = self._directories.get(number)
            if directory is not None:
                changes.append(Change(directory, name, bool(mask & inotify.ISDIR)))
        return changes

    def close(self) -> None:
        """Close the instance. Idempotent."""
        self._instance.close()
