"""Where a container's OCI bundle is, for whoever wants more of it than its name.

    containerd, Docker   <state>/io.containerd.runtime.v2.task/<namespace>/<id>, beside the shim's
                         working directory
    Podman, CRI-O        conmon's -b; <graph or run root>/<driver>-containers/<id>/userdata
    runc, crun           `bundle` in the state file

The supervisor above a process of the container is asked first: it knows also private and rootless
places. Without one, or without the right to look at its working directory, the usual ones count.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from agent.config import HostPaths
from agent.container import containerd, podman
from agent.container.bare import States
from agent.container.container import Container
from agent.container.failures import Failures
from agent.container.places import Places
from agent.container.supervisor import Supervisor, find_supervisor

_NAMESPACES = {"docker": ("moby",), "containerd": ("k8s.io", "default")}


def bundle_directories(
    paths: HostPaths, container: Container, pid: int | None, cgroup_path: str
) -> Iterator[str]:
    """
    Directories where the bundle may be, best first, as this process sees them.

    Not all of them are there. pid: any process of the container. Raises `Denied` (/proc hidden),
    `UnreadableState`.
    """
    supervisor = find_supervisor(paths.proc, pid) if pid is not None else None
    places = Places(paths, Failures())
    for directory in _told(container, supervisor):
        yield from places.views(directory, supervisor)
    for directory in _usual(paths, container):
        yield paths.host(directory)
    if container.runtime in ("runc", "crun"):
        state = States(paths.host(paths.run)).find(cgroup_path)
        if state is not None:
            yield from places.views(state.bundle, None)


def _told(container: Container, supervisor: Supervisor | None) -> Iterator[str]:
    if supervisor is None or not supervisor.bundle:
        return
    if supervisor.kind == "shim" and supervisor.id != container.id:
        yield f"{os.path.dirname(supervisor.bundle)}/{container.id}"
    else:
        yield supervisor.bundle


def _usual(paths: HostPaths, container: Container) -> Iterator[str]:
    for state in paths.containerd_state:
        for namespace in _NAMESPACES.get(container.runtime, ()):
            yield f"{state}/{containerd.TASKS}/{namespace}/{container.id}"
    if container.runtime in ("podman", "cri-o"):
        for root in (*paths.podman, f"{paths.run}/containers/storage"):
            for driver in podman.DRIVERS:
                yield f"{root}/{driver}-containers/{container.id}/userdata"
