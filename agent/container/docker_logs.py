"""Log files of Docker's containers, running or stopped: with the json-file or local driver.

Rotated files (ID-json.log.1, .2.gz) are no sources of their own; where they alone are left, it is
one still, and what was not delivered of them is read.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable
from typing import Final

from agent.config import HostPaths
from agent.container.container import Container
from agent.container.docker import CONFIG, ID, read_container
from agent.container.docker_roots import data_roots
from agent.container.failures import READ_FAILURES, Failures
from agent.container.listing import Listings
from agent.container.log_source import LogSource
from agent.container.statefile import Signature, signature
from agent.records import NamedTuple

_ROOTS_EVERY: Final = 60.0
"""Seconds between looks for daemons with another data root: each reads every /proc/PID/comm."""
_CACHE: Final = "container-cached.log"
"""What `docker logs` reads of a driver that cannot be read (gelf, syslog, fluentd, …), in the local
driver's format; written unless the daemon has cache-disabled=true."""
_ROTATED = re.compile(r"\.[0-9]+(\.gz)?\Z")


class _Known(NamedTuple):
    signature: Signature | None
    """Of config.v2.json when it was read."""
    container: Container | None = None
    """None: config.v2.json cannot be read."""
    source: LogSource | None = None
    """None: also with a log driver that writes no file."""


class DockerLogs:
    """Every `containers/<id>` of every data root. Nothing changed: two stats a container."""

    def __init__(
        self, paths: HostPaths, failures: Failures, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._paths = paths
        self._failures = failures
        self._now = now
        self._roots: dict[tuple[int, int] | str, str] = {}
        """Device and inode of each `containers` directory → its root. What is not there yet has the
        root's name instead."""
        self._roots_due = now()
        self._listings = Listings()
        self._known: dict[str, _Known] = {}
        self._waiting: tuple[str, ...] = ()
        self._elsewhere: tuple[LogSource, ...] = ()
        self._found: set[str] = set()

    def scan(self) -> list[LogSource]:
        """The log files that exist now."""
        if self._now() >= self._roots_due:
            self._roots = self._distinct(data_roots(self._paths, self._failures))
            self._roots_due = self._now() + _ROOTS_EVERY
        known: dict[str, _Known] = {}
        sources = []
        elsewhere = []
        waiting = []
        for root in self._roots.values():
            for directory in self._directories(root):
                entry = self._entry(directory)
                if entry is None:
                    waiting.append(directory)
                    continue
                known[directory] = entry
                if entry.source is not None and _is_there(entry.source.path):
                    sources.append(entry.source)
                    continue
                if entry.source is not None:
                    waiting.append(directory)
                if entry.container is not None:
                    elsewhere.append(_elsewhere(directory, entry.container))
        self._forget(known)
        self._waiting = tuple(waiting)
        self._elsewhere = tuple(elsewhere)
        self._found = {source.path for source in sources}
        return sources

    def found(self, path: str) -> bool:
        """Whether a log file is one of the last scan's, under this name or another: the kubelet's
        links name Docker's directory as Docker does, which may not be how it is configured here."""
        directory, name = os.path.split(path)
        store, id_ = os.path.split(directory)
        root = self._roots.get(_identity(store) or store)
        return root is not None and f"{self._containers(root)}/{id_}/{name}" in self._found

    def elsewhere(self) -> tuple[LogSource, ...]:
        """The containers that had no file in the last scan. Their path is "", or Docker's own copy
        of what it sent away: to look at, and not to be shipped once more."""
        return self._elsewhere

    def container(self, id_: str) -> Container | None:
        """One container by its full id, whatever its log driver; None where no root has it."""
        for root in self._roots.values() or data_roots(self._paths, self._failures):
            try:
                found = read_container(f"{self._containers(root)}/{id_}")
            except READ_FAILURES as error:
                self._failures.add(id_, error)
                continue
            if found is not None:
                return found.container
        return None

    def directories(self) -> list[str]:
        """Each `containers` directory, and those in it whose log file is still to come."""
        return [*(self._containers(root) for root in self._roots.values()), *self._waiting]

    def _distinct(self, roots: Iterable[str]) -> dict[tuple[int, int] | str, str]:
        """Each root once: /var/lib/docker may be a symbolic link to what daemon.json names, or the
        same directory may be mounted twice, and nobody wants its lines twice."""
        distinct: dict[tuple[int, int] | str, str] = {}
        for root in roots:
            distinct.setdefault(_identity(self._containers(root)) or root, root)
        return distinct

    def _containers(self, root: str) -> str:
        return f"{self._paths.host(root)}/containers"

    def _directories(self, root: str) -> list[str]:
        parent = self._containers(root)
        try:
            names = self._listings.names(parent)
        except READ_FAILURES as error:
            self._failures.add(parent, error)
            return []
        self._failures.clear(parent)
        return [f"{parent}/{name}" for name in names if ID.match(name)]

    def _entry(self, directory: str) -> _Known | None:
        """What is known of one container; None while it has no config.v2.json."""
        known = self._known.get(directory)
        now_is = None
        try:
            now_is = signature(f"{directory}/{CONFIG}")
            if now_is is None:
                return None
            if known is not None and known.signature == now_is:
                return known
            found = read_container(directory)
        except READ_FAILURES as error:
            self._failures.add(directory, error)
            return known._replace(signature=now_is) if known is not None else _Known(now_is)
        self._failures.clear(directory)
        if found is None:
            return None
        return _Known(now_is, found.container, _source(directory, found.container))

    def _forget(self, known: dict[str, _Known]) -> None:
        for directory in self._known.keys() - known.keys():
            self._failures.clear(directory)
        self._known = known


def _identity(directory: str) -> tuple[int, int] | None:
    try:
        status = os.stat(directory)
    except OSError:  # not there, or not to be seen: listing it says so
        return None
    return status.st_dev, status.st_ino


def _elsewhere(directory: str, container: Container) -> LogSource:
    cache = f"{directory}/{_CACHE}"
    there = os.path.exists(cache)
    return LogSource(cache if there else "", "docker-local" if there else "", container)


def _is_there(path: str) -> bool:
    """Whether the log has a file: after a crash between renaming it and making it anew, or when it
    was deleted by hand, what it was rotated to is all there is."""
    if os.path.exists(path):
        return True
    directory, base = os.path.split(path)
    try:
        names = os.listdir(directory)
    except FileNotFoundError:
        return False
    return any(name.startswith(f"{base}.") and _ROTATED.match(name, len(base)) for name in names)


def _source(directory: str, container: Container) -> LogSource | None:
    if container.log_format == "docker-local":
        return LogSource(f"{directory}/local-logs/container.log", container.log_format, container)
    if container.log_format != "docker":
        return None
    # LogPath is "" before the first start. The file is always beside config.v2.json, so this needs
    # no translation of a path from the daemon's view to ours.
    name = os.path.basename(container.log_path) or f"{container.id}-json.log"
    return LogSource(f"{directory}/{name}", "docker", container)
