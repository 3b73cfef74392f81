"""Which log files there are on this host, and whose they are: for the log worker.

Independent of cgroups, so a stopped container's log is still read to its end while the file exists.

    Docker       <data root>/containers/<id>/<id>-json.log        json-file driver
                 …/<id>/local-logs/container.log                      local driver
    Kubernetes   /var/log/pods/NAMESPACE_POD_UID/CONTAINER/N.log  one source for each attempt
    Podman       <graph root>/overlay-containers/<id>/userdata/ctr.log      k8s-file driver
    Files        what [[logs.files]] names
"""

from __future__ import annotations

from collections.abc import Iterable

from agent.config import HostPaths, LogFiles
from agent.container.container import Container
from agent.container.docker_logs import DockerLogs
from agent.container.failures import Failures
from agent.container.log_source import LogSource
from agent.container.plain_logs import PlainLogs
from agent.container.pod_details import PodDetails
from agent.container.pod_logs import PodLogs
from agent.container.podman_logs import PodmanLogs
from agent.container.told_annotations import ToldAnnotations

__all__ = ["LogSource", "LogSources"]


class LogSources:
    """Every container log on the host."""

    def __init__(
        self, paths: HostPaths, files: Iterable[LogFiles] = (), told_annotations: str = ""
    ) -> None:
        """told_annotations: the file of `agent.container.told_annotations`; "" for none."""
        self._failures = Failures()
        self._docker = DockerLogs(paths, self._failures)
        self._pods = PodLogs(paths, self._failures, PodDetails(paths))
        self._podman = PodmanLogs(paths, self._failures)
        self._plain = PlainLogs(paths, files)
        self._told = ToldAnnotations(told_annotations, self._failures) if told_annotations else None

    def scan(self) -> list[LogSource]:
        """
        All log files that exist now, each path once.

        A source is the same object as in the last scan while nothing about it changed; after a
        rename or a restart its `container` is a new one.
        """
        sources: dict[str, LogSource] = {}
        # Docker first: under cri-dockerd the kubelet's links lead to the same files, and Docker's
        # own record says more than the link.
        docker = self._docker.scan()
        found = (
            *docker,
            *(
                source
                for source in self._pods.scan()
                if source.format != "docker" or not self._docker.found(source.path)
            ),
            *self._podman.scan(),
            *self._plain.scan(),
        )
        for source in found:
            sources.setdefault(source.path, source)
        if self._told is not None:
            sources = self._told.over(sources.values())
        return list(sources.values())

    def directories(self) -> list[str]:
        """Where new containers' log directories or files appear, as of the last scan."""
        return [
            *self._docker.directories(),
            *self._pods.directories(),
            *self._podman.directories(),
            *self._plain.directories(),
        ]

    def elsewhere(self) -> list[LogSource]:
        """Containers that had no file to ship in the last scan: see `DockerLogs.elsewhere`."""
        return [*self._docker.elsewhere(), *self._podman.elsewhere()]

    def container(self, id_: str, uid: int) -> Container | None:
        """
        What Docker's or Podman's files say of a container that logs elsewhere; None where they do
        not. uid: whose runtime it is; an ordinary user's is Podman alone. From any thread.
        """
        found = self._docker.container(id_) if uid == 0 else None
        return found or self._podman.container(id_, uid)

    @property
    def denied(self) -> bool:
        """Whether some of it may not be read."""
        return self._failures.denied

    def failures(self) -> tuple[str, ...]:
        """What could not be read, in words; bounded."""
        return self._failures.messages()
