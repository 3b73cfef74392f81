"""Log files of Kubernetes containers, by the kubelet's directory layout.

Docs    https://github.com/kubernetes/design-proposals-archive/blob/main/node/kubelet-cri-logging.md

    /var/log/pods/NAMESPACE_POD_UID/CONTAINER/ATTEMPT.log
    /var/log/containers/POD_NAMESPACE_CONTAINER-ID.log -> the file above: gives the container's id

Rotated files (0.log.20260101-101010, .gz) are no sources of their own; where they alone are left of
an attempt, it is one still, and what was not delivered of them is read. Under cri-dockerd
ATTEMPT.log is itself a symbolic link to Docker's json-file.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from typing import Final

from agent.config import HostPaths
from agent.container.container import Container
from agent.container.failures import READ_FAILURES, Failures
from agent.container.listing import Listings
from agent.container.log_source import LogSource
from agent.records import replace

_LOG = re.compile(r"(?P<attempt>\d{1,9})\.log(\.\d{8}-\d{6}(\.gz)?)?\Z")
_SYMLINK = re.compile(r".+-(?P<id>[0-9a-f]{64})\.log\Z")
_MAX_LINKS: Final = 8
"""As many symbolic links as are followed in a row; the kernel's own limit is 40."""
_RETRY: Final = 10.0
"""Seconds between looks for an image that was not there yet."""
_LOOKS: Final = 6
"""Looks after which an image that was not found is taken for one that stands nowhere."""

Details = Callable[[Container], Container]
"""Fills in what a runtime's own files say of a container of which the id is known."""


class PodLogs:
    """Everything below HostPaths.pod_logs. Nothing changed: one stat a directory."""

    def __init__(
        self,
        paths: HostPaths,
        failures: Failures,
        details: Details,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._paths = paths
        self._failures = failures
        self._details = details
        self._now = now
        self._listings = Listings()
        self._ids: dict[str, str] = {}
        """POD-DIRECTORY/CONTAINER/ATTEMPT.log → container id"""
        self._links: dict[str, str] = {}
        """Name in /var/log/containers → the key above"""
        self._link_names: tuple[str, ...] = ()
        self._sources: dict[str, LogSource] = {}
        self._looks: dict[str, tuple[int, float]] = {}
        """Looks at an incomplete container so far, and when the next one is due."""
        self._directories: tuple[str, ...] = ()

    def scan(self) -> list[LogSource]:
        """The paths that are logged to, one for each attempt that still has a file."""
        self._read_links()
        base = self._base()
        directories = [base]
        sources: dict[str, LogSource] = {}
        for pod_name in self._names(base):
            parts = pod_name.split("_")
            if len(parts) != 3:
                continue
            pod_directory = f"{base}/{pod_name}"
            directories.append(pod_directory)
            for container_name in self._names(pod_directory):
                directory = f"{pod_directory}/{container_name}"
                names = self._names(directory)
                directories.append(directory)
                for name in names:
                    if match := _LOG.match(name):
                        attempt = match["attempt"]
                        key = f"{pod_name}/{container_name}/{attempt}.log"
                        if key in sources:
                            continue
                        sources[key] = self._source(key, parts, container_name, attempt)
        self._forget(sources, directories)
        return list(sources.values())

    def directories(self) -> list[str]:
        """The base, each pod's directory, each container's: where new log files appear."""
        return list(self._directories)

    def _base(self) -> str:
        return self._resolve(self._paths.host(self._paths.pod_logs))

    def _names(self, directory: str) -> tuple[str, ...]:
        try:
            names = self._listings.names(directory)
        except READ_FAILURES as error:
            self._failures.add(directory, error)
            return ()
        self._failures.clear(directory)
        return names

    def _source(self, key: str, pod: list[str], container_name: str, attempt: str) -> LogSource:
        known = self._sources.get(key)
        looks, due = self._looks.get(key, (0, 0.0))
        if known is not None and (known.container.complete or self._now() < due):
            return known
        namespace, pod_name, pod_uid = pod
        written = f"{self._paths.pod_logs}/{key}"
        id_ = self._ids.get(key, "")
        path = self._resolve(self._paths.host(written))
        format_ = "docker" if path.endswith("-json.log") else "cri"
        container = Container(
            runtime="",
            id=id_,
            name=id_,
            container=container_name,
            pod=pod_name,
            namespace=namespace,
            pod_uid=pod_uid,
            attempt=int(attempt),
            log_path=written,
            log_format=format_,
            source="path",
            complete=False,
        )
        if id_:
            try:
                container = self._details(container)
            except READ_FAILURES as error:
                self._failures.add(key, error)
            else:
                self._failures.clear(key)
            looks += 1
            if looks >= _LOOKS:
                container = replace(container, complete=True)
        self._looks[key] = (looks, self._now() + _RETRY)
        source = LogSource(path, format_, container)
        return known if known == source else source

    def _read_links(self) -> None:
        """Learn container ids from the kubelet's symbolic links; each is read once."""
        directory = self._paths.host(f"{os.path.dirname(self._paths.pod_logs)}/containers")
        names = self._names(directory)
        if names is self._link_names:
            return
        self._link_names = names
        for name in self._links.keys() - set(names):
            self._ids.pop(self._links.pop(name), None)
        for name in names:
            if name in self._links or not (match := _SYMLINK.match(name)):
                continue
            try:
                target = os.readlink(f"{directory}/{name}")
            except OSError:
                continue  # gone again, or not a symbolic link
            key = "/".join(target.split("/")[-3:])
            self._links[name] = key
            self._ids[key] = match["id"]
            self._looks.pop(key, None)

    def _resolve(self, path: str) -> str:
        """Follow symbolic links at `path` itself, as the host means them."""
        for _ in range(_MAX_LINKS):
            try:
                target = os.readlink(path)
            except OSError:
                break  # EINVAL: not a link; or it is gone, which opening it will tell
            if target.startswith("/"):
                path = self._paths.host(target)
            else:
                path = os.path.normpath(f"{os.path.dirname(path)}/{target}")
        return path

    def _forget(self, sources: dict[str, LogSource], directories: list[str]) -> None:
        for key in self._sources.keys() - sources.keys():
            self._looks.pop(key, None)
            self._failures.clear(key)
        for directory in set(self._directories) - set(directories):
            self._failures.clear(directory)
        self._sources = sources
        self._directories = tuple(directories)
        self._listings.retain(
            {*directories, self._paths.host(f"{os.path.dirname(self._paths.pod_logs)}/containers")}
        )
