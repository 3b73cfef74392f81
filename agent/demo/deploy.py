"""Starts the demo's containers; `removal.py` removes them.

`start` may be called again: a container of ours with the same name is replaced, anybody else's is
left alone and named in the error.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Final

from agent.demo import cgroups, daemons
from agent.demo.client import (
    IMAGE,
    MARK,
    OWNER,
    CommandFailed,
    DemoError,
    Job,
    NoRuntime,
    Runtime,
    Started,
)
from agent.demo.ctr import Ctr
from agent.demo.docker import docker, podman
from agent.demo.image import NoBusybox, archive, find_busybox
from agent.demo.oci import Oci
from agent.demo.process import kill_group
from agent.demo.state import Deployment, Places, State, default_places, locked, read, write
from agent.demo.workloads import Workload, chosen
from agent.records import dataclass

RUNTIMES: Final = ("docker", "podman", "containerd", "crun", "runc")
"""In the order they are tried."""
PREFIX: Final = "demo-"


@dataclass(frozen=True, slots=True)
class DemoContainer:
    """One container of the demo."""

    name: str
    runtime: str
    id: str
    """"" when it was not started."""
    pid: int | None
    """On this host; None when it was not started, or not here."""
    limits: str
    shows: str
    note: str = ""
    """What is not as it should be: a limit that cannot be had, why it was not started."""


def make_runtime(name: str, options: Sequence[str], places: Places) -> Runtime:
    """The runtime with this name. options: its client's own, () for the usual place."""
    if name == "docker":
        return docker(options)
    if name == "podman":
        return podman(options)
    if name == "containerd":
        return Ctr(options, places)
    if name in ("crun", "runc"):
        return Oci(name, options, places)
    raise DemoError(f"no runtime is called {name}; there are {', '.join(RUNTIMES)}")


def start(
    runtime: str | None = None,
    only: Sequence[str] = (),
    *,
    prefix: str = PREFIX,
    options: Sequence[str] = (),
    start_daemon: bool = False,
    places: Places | None = None,
) -> list[DemoContainer]:
    """
    Start the demo and return its containers, in the order of `WORKLOADS`.

    runtime: one of `RUNTIMES`, None for the first that answers. only: names of workloads, all for
    none. options: of the runtime's client, with `runtime`. start_daemon: start our own containerd
    and dockerd where none answers. Raises DemoError with what would help.
    """
    places = places or default_places()
    workloads = chosen(only, prefix)
    try:
        image = archive(find_busybox(), IMAGE, {MARK: "1"})
    except NoBusybox as error:
        raise DemoError(str(error)) from None
    with locked(places):
        state = read(places)
        where = _pick(runtime, options, start_daemon, places, state)
        deployment = state.deployment(where.name, where.options)
        names = [f"{prefix}{workload.name}" for workload in workloads]
        for name in names:
            _clear(where, deployment, name, places)
        deployment.containers = sorted({*deployment.containers, *names})
        write(places, state)
        where.load(image)
        before = cgroups.top_level()
        started: list[DemoContainer] = []
        try:
            for workload, name in zip(workloads, names, strict=True):
                started.append(_start_one(where, deployment, workload, name, places, state))
        finally:
            new = (cgroups.top_level() - before) & {*names, *_cgroup_names(started)}
            state.cgroups = sorted({*state.cgroups, *new})
            write(places, state)
    return started


def running(places: Places | None = None) -> list[tuple[str, str]]:
    """(runtime, container name) of what the state file says was started and not stopped."""
    places = places or default_places()
    return [(one.runtime, name) for one in read(places).deployments for name in one.containers]


def _pick(
    name: str | None, options: Sequence[str], start_daemon: bool, places: Places, state: State
) -> Runtime:
    """The runtime asked for, or the first that answers."""
    if options and name is None:
        raise DemoError("options of a client need the name of its runtime")
    if start_daemon and not options:
        own = _own_daemon(name or "docker", places, state)
        if own is not None:
            return own
    reasons: list[str] = []
    for candidate in (name,) if name else RUNTIMES:
        runtime = make_runtime(candidate, options, places)
        reason = runtime.unusable()
        if not reason:
            return runtime
        reasons.append(reason)
    advice = ""
    if not start_daemon and name in (None, "docker", "containerd"):
        advice = "; as root, --start-daemon starts an installed containerd and dockerd"
    raise NoRuntime(f"no container runtime can be used: {'; '.join(reasons)}{advice}")


def _own_daemon(name: str, places: Places, state: State) -> Runtime | None:
    """The runtime on daemons of our own; None when the host's own answers."""
    if name not in ("docker", "containerd"):
        raise DemoError(f"{name} has no daemon to start")
    if not state.daemons and not make_runtime(name, (), places).unusable():
        return None
    daemons.start(places, state, docker=name == "docker")
    own = daemons.docker_options if name == "docker" else daemons.containerd_options
    return make_runtime(name, own(places), places)


def _clear(runtime: Runtime, deployment: Deployment, name: str, places: Places) -> None:
    """Make a name free: remove our old container. Raise DemoError for somebody else's."""
    supervisor = deployment.supervisors.pop(name, None)
    if supervisor is not None:
        kill_group(supervisor)
    owner = runtime.owner(name)
    if owner is None:
        return
    if owner != places.owner:
        raise DemoError(
            f"{runtime.name} has a container {name} that is not this demo's; "
            "remove it, or choose other names with --prefix"
        )
    runtime.remove(name)


def _start_one(
    runtime: Runtime,
    deployment: Deployment,
    workload: Workload,
    name: str,
    places: Places,
    state: State,
) -> DemoContainer:
    """Start one container and see whether its limits hold."""
    job = Job(
        name=name,
        argv=("/bin/sh", "-c", workload.script),
        labels={MARK: "1", OWNER: places.owner},
        cpus=workload.cpus,
        memory=workload.memory,
        restart=workload.restart,
    )
    note = ""
    try:
        begun = runtime.start(job)
    except CommandFailed as error:
        if job.cpus is None and job.memory is None:
            raise
        note = f"no limit here ({error})"
        runtime.remove(name)
        if workload.needs_limit:
            return _not_started(runtime, workload, name, note)
        begun = runtime.start(Job(name=name, argv=job.argv, labels=job.labels))
    if begun.supervisor is not None:
        deployment.supervisors[name] = begun.supervisor
        write(places, state)
    note = note or _missing_limit(workload, begun)
    if note and workload.needs_limit:
        runtime.remove(name)
        return _not_started(runtime, workload, name, note)
    if workload.logs and not runtime.keeps_logs:
        note = f"{runtime.name} keeps no logs: its lines go to /dev/null"
    return DemoContainer(
        name, runtime.name, begun.id, begun.pid, workload.limits, workload.shows, note
    )


def _not_started(runtime: Runtime, workload: Workload, name: str, note: str) -> DemoContainer:
    note = f"not started, it would use a whole core: {note}"
    return DemoContainer(name, runtime.name, "", None, workload.limits, workload.shows, note)


def _missing_limit(workload: Workload, begun: Started) -> str:
    """Which limit the kernel does not have, though the runtime was asked for it; "" for none."""
    if begun.pid is None:
        return ""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it ended meanwhile
        if workload.cpus is not None and not cgroups.has_cpu_limit(begun.pid):
            return "no CPU limit here: the runtime did not set it"
        if workload.memory is not None and not cgroups.has_memory_limit(begun.pid):
            return "no memory limit here: the runtime did not set it"
    return ""


def _cgroup_names(started: Sequence[DemoContainer]) -> set[str]:
    """Every directory name on the way to our containers' cgroups."""
    names: set[str] = set()
    for container in started:
        if container.pid is not None:
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it ended meanwhile
                for directory in cgroups.cgroup_directories(container.pid):
                    names.update(directory.parts)
    return names
