"""Log files of Podman's containers, running or stopped: those with the k8s-file driver.

<graph root>/<driver>-containers/<id>/userdata/ctr.log   unless --log-opt path= said another
<run root>/<driver>-containers/<id>/userdata/conmon.pid  whose command line then tells
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Final

from agent.config import HostPaths
from agent.container import podman
from agent.container.container import Container
from agent.container.failures import READ_FAILURES, Failures
from agent.container.log_source import LogSource
from agent.container.podman_database import Databases
from agent.container.podman_roots import graph_roots
from agent.container.process import read_pidfile
from agent.container.supervisor import log_file
from agent.kernelfile import read
from agent.procfs.pid import parse_cmdline
from agent.records import NamedTuple, replace

_ROOTS_EVERY: Final = 60.0
"""Seconds between looks for users' storage: each reads every /proc/PID/comm."""


_BECOMES: Final = 60.0
"""Seconds in which a container that storage has may get its row in the database, which Podman
writes a little later: where it logs to is known only then. Other programs' never get one."""


class _Known(NamedTuple):
    stored: podman.Stored
    source: LogSource
    """Its path is "" with a log driver that writes no file."""
    sure: bool
    """False while the database could not be read, or has no row of it: look again."""
    uid: int
    """Whose storage it is in."""
    since: float
    """Monotonic seconds of the first look."""
    failed: bool = False
    """The database could not be read: look again for as long as that takes."""

    def is_due(self, now: float) -> bool:
        """Whether to look again."""
        return not self.sure and (self.failed or now - self.since < _BECOMES)


class PodmanLogs:
    """Every container in containers/storage. Nothing changed: one stat a container."""

    def __init__(
        self, paths: HostPaths, failures: Failures, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._paths = paths
        self._failures = failures
        self._now = now
        self._roots: dict[str, int] = {}
        """Graph root → uid. It stays: when its last container ends, its log is still to be read."""
        self._roots_due = now()
        self._stores = podman.Stores()
        self._databases = Databases()
        self._known: dict[str, _Known] = {}
        self._directories: tuple[str, ...] = ()
        self._elsewhere: tuple[LogSource, ...] = ()

    def scan(self) -> list[LogSource]:
        """The log files that exist now."""
        if self._now() >= self._roots_due:
            self._roots = self._roots | graph_roots(self._paths, self._failures)
            self._roots_due = self._now() + _ROOTS_EVERY
        known: dict[str, _Known] = {}
        directories = []
        for graph, uid in self._roots.items():
            for driver in podman.DRIVERS:
                store = f"{graph}/{driver}-containers"
                containers = self._containers(self._paths.host(store))
                if containers:
                    directories.append(self._paths.host(store))
                for id_, stored in containers.items():
                    entry = self._known.get(id_)
                    if entry is None or entry.is_due(self._now()) or entry.stored != stored:
                        since = self._now() if entry is None else entry.since
                        entry = self._look(graph, uid, store, id_, stored, since)
                    known[id_] = entry
        self._known = known
        self._directories = tuple(directories)
        found, elsewhere = [], []
        for entry in known.values():
            source = entry.source
            if source.path and os.path.exists(source.path):
                found.append(source)
            else:
                elsewhere.append(replace(source, path="", format="", owner=entry.uid))
        self._elsewhere = tuple(elsewhere)
        return found

    def elsewhere(self) -> tuple[LogSource, ...]:
        """The containers that had no file in the last scan, each with its user as owner."""
        return self._elsewhere

    def container(self, id_: str, uid: int) -> Container | None:
        """One container of that user's by its full id, whatever its log driver; None where there is
        none. From any thread: what is kept is replaced, not changed."""
        for graph, owner in self._roots.items():
            if owner != uid:
                continue
            for driver in podman.DRIVERS:
                store = f"{graph}/{driver}-containers"
                stored = self._containers(self._paths.host(store)).get(id_)
                if stored is not None:
                    return self._look(graph, uid, store, id_, stored, 0.0).source.container
        return None

    def directories(self) -> list[str]:
        """The directories in which a new container gets its own, as far as there are any."""
        return list(self._directories)

    def _containers(self, store: str) -> dict[str, podman.Stored]:
        try:
            containers = self._stores.containers(store)
        except READ_FAILURES as error:
            self._failures.add(store, error)
            return {}
        self._failures.clear(store)
        return containers

    def _look(
        self, graph: str, uid: int, store: str, id_: str, stored: podman.Stored, since: float
    ) -> _Known:
        recorded = None
        failed = False
        log = f"{store}/{id_}/userdata/ctr.log"
        try:
            recorded = self._databases.get(self._paths.host(graph), id_)
            if recorded is None:
                log = self._conmons(os.path.basename(store), id_) or log
        except READ_FAILURES as error:
            self._failures.add(f"podman {id_}", error)
            failed = True
        else:
            self._failures.clear(f"podman {id_}")
        # The database has the path itself, and the driver.
        known_log = "" if recorded is not None else log
        container = podman.describe(id_, "", known_log, None, stored, recorded)
        path = container.log_path
        # What is said by root, or by whom this process runs as, gives away nothing.
        owner = None if uid in (0, os.geteuid()) else uid
        source = LogSource(
            self._paths.host(path) if path else "", "cri" if path else "", container, owner
        )
        return _Known(stored, source, recorded is not None, uid, since, failed)

    def _conmons(self, store: str, id_: str) -> str:
        """The log that a running conmon was told; "" without one."""
        run = self._paths.host(f"{self._paths.run}/containers/storage")
        pid = read_pidfile(f"{run}/{store}/{id_}/userdata/conmon.pid")
        argv = read(f"{self._paths.proc}/{pid}/cmdline", parse_cmdline) if pid else None
        return log_file(argv) if argv and id_ in argv else ""
