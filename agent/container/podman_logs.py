"""Log files of Podman's containers, running or stopped: those with the k8s-file driver.

<graph root>/<driver>-containers/<id>/userdata/ctr.log   unless --log-opt path= said another
<run root>/<driver>-containers/<id>/userdata/conmon.pid  whose command line then tells
"""

from __future__ import annotations

import os
from typing import NamedTuple

from agent.config import HostPaths
from agent.container import podman
from agent.container.failures import READ_FAILURES, Failures
from agent.container.log_source import LogSource
from agent.container.process import read_pidfile
from agent.container.supervisor import log_file
from agent.kernelfile import read
from agent.procfs.pid import parse_cmdline


class _Known(NamedTuple):
    stored: podman.Stored
    source: LogSource | None
    """None: another log driver."""


class PodmanLogs:
    """Every container in containers/storage. Nothing changed: one stat a container."""

    def __init__(self, paths: HostPaths, failures: Failures) -> None:
        self._paths = paths
        self._failures = failures
        self._stores = podman.Stores()
        self._known: dict[str, _Known] = {}
        self._directories: tuple[str, ...] = ()

    def scan(self) -> list[LogSource]:
        """The log files that exist now."""
        known: dict[str, _Known] = {}
        directories = []
        for graph in self._paths.podman:
            for driver in podman.DRIVERS:
                store = f"{graph}/{driver}-containers"
                containers = self._containers(self._paths.host(store))
                if containers:
                    directories.append(self._paths.host(store))
                for id_, stored in containers.items():
                    entry = self._known.get(id_)
                    if entry is None or entry.stored != stored:
                        entry = _Known(stored, self._source(graph, store, id_, stored))
                    known[id_] = entry
        self._known = known
        self._directories = tuple(directories)
        sources = [entry.source for entry in known.values() if entry.source is not None]
        return [source for source in sources if os.path.exists(source.path)]

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

    def _source(self, graph: str, store: str, id_: str, stored: podman.Stored) -> LogSource | None:
        config = None
        log = f"{store}/{id_}/userdata/ctr.log"
        try:
            config = podman.read_config(self._paths.host(graph), id_)
            if config is None:
                log = self._conmons(os.path.basename(store), id_) or log
        except READ_FAILURES as error:
            self._failures.add(f"podman {id_}", error)
        else:
            self._failures.clear(f"podman {id_}")
        # A configuration has the path itself, and the driver.
        known_log = "" if config is not None else log
        container = podman.describe(id_, "", known_log, None, stored, config)
        if not container.log_path:
            return None
        return LogSource(self._paths.host(container.log_path), "cri", container)

    def _conmons(self, store: str, id_: str) -> str:
        """The log that a running conmon was told; "" without one."""
        run = self._paths.host(f"{self._paths.run}/containers/storage")
        pid = read_pidfile(f"{run}/{store}/{id_}/userdata/conmon.pid")
        argv = read(f"{self._paths.proc}/{pid}/cmdline", parse_cmdline) if pid else None
        return log_file(argv) if argv and id_ in argv else ""
