"""How this process reaches the host's files and a container's, and which filesystem they are on."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence

from agent.config import HostPaths
from agent.filesystem import mounts
from agent.filesystem.statvfs import Answer, Asker
from agent.kernelfile import DENIED, Denied, device_path, read
from agent.procfs.mountinfo import Mount, parse_mountinfo
from agent.records import NamedTuple


class Place(NamedTuple):
    """A directory or file, and what is there."""

    path: str
    """As this process opens it."""
    answer: Answer


class HostFiles:
    """The host's mounts as read last, and questions about what is on them."""

    def __init__(self, paths: HostPaths, asker: Asker, *, remote: bool) -> None:
        """remote: whether network filesystems are asked, too."""
        self._paths = paths
        self._asker = asker
        self._remote = remote
        self._mounts: tuple[Mount, ...] = ()
        self._by_point: dict[str, Mount] = {}

    @property
    def mounts(self) -> tuple[Mount, ...]:
        """All of them, in order."""
        return self._mounts

    @mounts.setter
    def mounts(self, mounts: tuple[Mount, ...]) -> None:
        self._mounts = mounts
        # Of two at one place the later one is on top.
        self._by_point = {mount.mount_point: mount for mount in mounts}

    def read_mounts(self, pid: int = 1) -> tuple[Mount, ...] | None:
        """The mounts of a process; None once it is gone. Raises like `kernelfile.read`."""
        try:
            return read(f"{self._paths.proc}/{pid}/mountinfo", parse_mountinfo)
        except OSError as error:
            if error.errno == errno.EINVAL:
                return None  # it is ending, and has left its namespaces already
            raise

    def may_ask(self, mount: Mount) -> bool:
        """Whether this filesystem is one that is asked."""
        return self._remote or not mounts.is_remote(mount.fs_type)

    def of_container(self, pid: int, mount: Mount) -> Place | None:
        """
        What a mount of a container shows.

        None where another filesystem is at its place: it is hidden, or a link leads elsewhere.
        Raises `Hung`, `Denied` and OSError.
        """
        # Its own view needs CAP_SYS_PTRACE; the host's, that the host's files are mounted here.
        on_host = mounts.host_path(mount, self.mounts)
        candidates = [f"{self._paths.proc}/{pid}/root{mount.mount_point}"]
        if on_host is not None:
            candidates.insert(0, self._paths.host(on_host))
        return self._first(candidates, mount)

    def of_host(self, mount: Mount) -> Place | None:
        """The same for a mount of the host."""
        point = mount.mount_point
        return self._first([self._paths.host(point), f"{self._paths.proc}/1/root{point}"], mount)

    def of_layer(self, upper: str) -> tuple[Place, Mount] | None:
        """A writable layer's directory on the host, by the path its mount has; None: not there."""
        candidates = [upper]
        if not upper.startswith("/"):
            candidates = [f"{root}/overlay2/{upper}" for root in self._paths.docker]
        for candidate in candidates:
            mount = self.mount_at(candidate)
            if mount is None or not self.may_ask(mount):
                continue
            path = self._paths.host(candidate)
            try:
                return Place(path, self._asker.ask(mount.device, path)), mount
            except FileNotFoundError:
                continue
        return None

    def mount_at(self, path: str) -> Mount | None:
        """The host's mount that a path on the host is on."""
        while path.startswith("/"):
            if (mount := self._by_point.get(path)) is not None:
                return mount
            path = path.rpartition("/")[0]
        return None if path else self._by_point.get("/")

    def log_size(self, log_path: str, device: tuple[int, int]) -> int:
        """Bytes on disk of a log file and its rotated siblings, where they are on `device`."""
        mount = self.mount_at(log_path)
        if not log_path or mount is None or mount.device != device:
            return 0
        directory, name = os.path.split(self._paths.host(log_path))
        size = 0
        with os.scandir(directory) as entries:
            for entry in entries:
                if entry.name.startswith(name):
                    size += entry.stat(follow_symlinks=False).st_blocks * 512
        return size

    def device_name(self, device: tuple[int, int]) -> str:
        """What the host calls a device; "" where it does not."""
        path = device_path(self._paths.sys_block, device)
        return mounts.device_name(device, self.mounts, path)

    def _first(self, candidates: Sequence[str], mount: Mount) -> Place | None:
        refused: OSError | None = None
        for path in candidates:
            try:
                answer = self._asker.ask(mount.device, path)
            except FileNotFoundError:
                continue
            except OSError as error:
                if error.errno not in DENIED:
                    raise
                refused = Denied(error.errno, os.strerror(error.errno or 0), path)
                continue
            if answer.device == mount.device:
                return Place(path, answer)
        if refused is not None:
            raise refused
        return None
