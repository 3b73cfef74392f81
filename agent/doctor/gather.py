"""Reads a host's facts. Nothing is loaded into the kernel, and nothing is written."""

from __future__ import annotations

import contextlib
import os
import resource
from collections.abc import Iterable, Mapping

from agent.bpf import facts as bpf_facts
from agent.bpf.facts import Facts
from agent.bpf.probeset import IDLE
from agent.bpf.support import decide
from agent.cgroupfs.hierarchies import Hierarchies
from agent.config import Config
from agent.doctor.facts import Access, HostFacts, PlannedProbe, ProbeSupport
from agent.doctor.running import troubles
from agent.doctor.system import clock_is_set, sockets
from agent.kernelfile import Denied, read

_FILES = ("json-file", "local", "k8s-file")
"""Log drivers that write files which the log path reads."""
_SOCKETS = (
    "docker.sock",
    "containerd/containerd.sock",
    "crio/crio.sock",
    "podman/podman.sock",
)
"""Below the host's /run."""


def gather(
    config: Config,
    hierarchies: Hierarchies | None,
    probes: Iterable[PlannedProbe],
    *,
    containers: Mapping[str, int],
    log_drivers: Mapping[str, str],
    unread: tuple[str, ...],
    answer: str,
    answer_problem: str,
    page: str = "",
    config_problems: tuple[str, ...] = (),
) -> HostFacts:
    """
    Look at everything; what others asked already is handed in.

    log_drivers: of each running container. page: the running agent's, "" without one.
    config_problems: why `config` is the default.
    """
    probes = tuple(probes)
    paths = config.paths
    bpf = bpf_facts.gather(
        [name for probe in probes for name in probe.programs.tracepoints],
        [name for probe in probes for name in probe.programs.kfuncs],
        proc=paths.proc,
    )
    return HostFacts(
        kernel=bpf.kernel,
        uid=os.geteuid(),
        cgroup=None if hierarchies is None else hierarchies.version,
        cgroup_mount="" if hierarchies is None else hierarchies.walk_root,
        controllers=None if hierarchies is None else _controllers(hierarchies),
        pressure=_pressure(f"{paths.proc}/pressure/cpu"),
        capabilities=bpf.capabilities,
        btf=bpf.btf,
        probes_enabled=config.probes.enabled,
        probes=tuple(_support(bpf, probe, config.probes.loader) for probe in probes),
        sources=tuple(
            _readable(path)
            for path in dict.fromkeys(
                (*paths.docker, *paths.containerd, *paths.podman, paths.pod_logs)
            )
        ),
        containers=dict(containers),
        unshipped={
            name: driver
            for name, driver in log_drivers.items()
            if config.logs.enabled and driver and driver not in _shipped(config)
        },
        unread=unread,
        state=_writable(config.logs.state) if config.logs.enabled else None,
        open_files=resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        locked_memory=resource.getrlimit(resource.RLIMIT_MEMLOCK)[0],
        clock=clock_is_set(),
        sockets=sockets(
            dict.fromkeys(
                path
                for path in (config.docker.socket, *(f"{paths.run}/{each}" for each in _SOCKETS))
                if path
            )
        ),
        docker_socket=config.docker.socket,
        config_problems=config_problems,
        troubles=troubles(page),
        address=config.metrics.listen,
        answer=answer,
        answer_problem=answer_problem,
    )


def _shipped(config: Config) -> tuple[str, ...]:
    """Log drivers whose lines are read here."""
    return (*_FILES, "journald") if config.logs.journald.enabled else _FILES


def _support(facts: Facts, probe: PlannedProbe, loader: str) -> ProbeSupport:
    programs = probe.programs
    # Whatever is configured: the user's own have no object for libbpf, and bcc runs no walk.
    if programs.source:
        loader = "bcc"
    elif all(program.kind in IDLE for program in programs.programs):
        loader = "libbpf"
    return ProbeSupport(
        name=programs.name,
        runs=probe.runs,
        decisions=tuple(
            each for each in decide(facts, programs) if loader in ("auto", each.loader)
        ),
    )


def _controllers(hierarchies: Hierarchies) -> frozenset[str]:
    # The root's subtree_control is what its children have; its own `controllers` is what may be on.
    found = set(hierarchies.v1)
    if hierarchies.unified is not None:
        path = f"{hierarchies.unified}/cgroup.subtree_control"
        # Not ours to read: what it says is not known, and no controller is said to be on.
        with contextlib.suppress(Denied):
            found.update(read(path, str.split) or ())
    return frozenset(found)


def _pressure(path: str) -> bool | None:
    try:
        return read(path, bool) is not None
    except Denied:
        return None


def _readable(path: str) -> Access:
    try:
        with os.scandir(path) as entries:
            next(entries, None)
    except FileNotFoundError:
        return Access(path=path, exists=False)
    except OSError as error:
        return Access(path=path, exists=True, problem=os.strerror(error.errno or 0))
    return Access(path=path, exists=True)


def _writable(path: str) -> Access:
    """Whether files can be made in `path`; where it is not there yet, whether it can be made."""
    exists = os.path.isdir(path)
    nearest = path
    while not os.path.exists(nearest):
        nearest = os.path.dirname(nearest) or "."
    if not os.path.isdir(nearest):
        return Access(path=path, exists=exists, problem=f"{nearest} is no directory")
    if not os.access(nearest, os.W_OK | os.X_OK):
        return Access(path=path, exists=exists, problem=f"{nearest} may not be written to")
    return Access(path=path, exists=exists)
