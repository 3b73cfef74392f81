"""HostFacts -> what is well, what is missing, and how to mend it. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from agent.doctor.environment import (
    clock,
    configuration,
    locked_memory,
    running_agent,
    runtime_sockets,
)
from agent.doctor.facts import Check, HostFacts, Level
from agent.doctor.probes import probes

_NAMED: Final = 5
"""Containers that are named in one sentence."""
_CONTROLLERS: Final = {
    "cpu": "CPU limits and throttling",
    "memory": "memory use, limits and OOM kills",
    "io": "block I/O",
    "pids": "numbers of tasks",
}
_V1_NAMES: Final = {"io": "blkio"}

_CAPABILITIES: Final = (
    ("CAP_DAC_READ_SEARCH", 2, "runtimes' state and logs"),
    ("CAP_SYS_PTRACE", 19, "network namespaces; with CAP_DAC_READ_SEARCH open files"),
    ("CAP_NET_ADMIN", 12, "packet probes (bytes, dns)"),
    ("CAP_PERFMON", 38, "BPF probes"),
    ("CAP_BPF", 39, "BPF probes"),
)
"""Name, bit of CapEff (include/uapi/linux/capability.h), and what it buys."""
_SYS_ADMIN: Final = 21
_BY_SYS_ADMIN: Final = frozenset({"CAP_PERFMON", "CAP_BPF", "CAP_NET_ADMIN"})
"""What CAP_SYS_ADMIN stands in for, as far as BPF goes."""

_FEWEST_FILES: Final = 1024


def checks(facts: HostFacts) -> tuple[Check, ...]:
    """Every check, in the order they are shown."""
    return tuple(
        check
        for part in (
            *(configuration, _cgroups, _pressure, _capabilities, probes, _sources, runtime_sockets),
            *(_process, locked_memory, clock, _agent, running_agent),
        )
        for check in part(facts)
    )


def _cgroups(facts: HostFacts) -> Iterator[Check]:
    if facts.cgroup is None:
        yield Check(
            "cgroup",
            Level.PROBLEM,
            "no cgroup filesystem is mounted where this process can see it",
            "mount -t cgroup2 none /sys/fs/cgroup; in a container, bind the host's read-only",
        )
        return
    yield Check("cgroup", Level.OK, f"cgroup {facts.cgroup} at {facts.cgroup_mount}")
    for name, buys in _CONTROLLERS.items():
        names = {name, _V1_NAMES.get(name, name)}
        if facts.controllers is not None and not names & facts.controllers:
            fix = (
                f"echo +{name} > {facts.cgroup_mount}/cgroup.subtree_control"
                if facts.cgroup == "v2"
                else f"mount the v1 controller {_V1_NAMES.get(name, name)}, or boot with v2"
            )
            yield Check(
                f"controller.{name}", Level.NOTE, f"controller {name} is off: no {buys}", fix
            )
        else:
            yield Check(f"controller.{name}", Level.OK, f"controller {name} is on")


def _pressure(facts: HostFacts) -> Iterator[Check]:
    if facts.pressure:
        yield Check("pressure", Level.OK, "the kernel measures pressure (PSI)")
    elif facts.pressure is None:
        yield Check(
            "pressure", Level.NOTE, "/proc/pressure may not be read", "run as root, or allow it"
        )
    else:
        yield Check(
            "pressure",
            Level.NOTE,
            "the kernel does not measure pressure (PSI)",
            "boot with psi=1; the kernel needs CONFIG_PSI",
        )


def _capabilities(facts: HostFacts) -> Iterator[Check]:
    held = facts.capabilities
    for name, bit, buys in _CAPABILITIES:
        id_ = f"capability.{name}"
        if held is None:
            yield Check(id_, Level.NOTE, f"{name}: not known", "mount /proc")
        elif held >> bit & 1:
            yield Check(id_, Level.OK, f"{name}: {buys}")
        elif name in _BY_SYS_ADMIN and held >> _SYS_ADMIN & 1:
            yield Check(id_, Level.OK, f"{name}: by CAP_SYS_ADMIN; {buys}")
        else:
            yield Check(
                id_,
                Level.NOTE,
                f"{name} is not held: no {buys}",
                f"AmbientCapabilities={name} in the unit, --cap-add {name[4:]}, or run as root",
            )


def _sources(facts: HostFacts) -> Iterator[Check]:
    for source in facts.sources:
        if source.problem:
            yield Check(
                f"path.{source.path}",
                Level.PROBLEM,
                f"{source.path}: {source.problem}",
                "give CAP_DAC_READ_SEARCH, or run as root",
            )
        elif source.exists:
            yield Check(f"path.{source.path}", Level.OK, f"{source.path} can be read")
    if facts.containers:
        found = ", ".join(f"{count} of {name}" for name, count in sorted(facts.containers.items()))
        yield Check("containers", Level.OK, f"running containers: {found}")
    else:
        yield Check(
            "containers",
            Level.NOTE,
            "no running container was found",
            "where there are some: [paths] must name the runtimes' directories",
        )
    if facts.unshipped:
        names = [f"{name} ({driver})" for name, driver in sorted(facts.unshipped.items())]
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        yield Check(
            "log_drivers",
            Level.NOTE,
            f"logs are not shipped of {', '.join(names[:_NAMED])}{more}: "
            "what their log driver keeps is not on this host, or nothing",
            "use json-file, local, or journald (logs.journald.enabled) where they are wanted",
        )
    for message in facts.unread:
        yield Check(
            "unread",
            Level.NOTE,
            message,
            "docs/deploy.md says under Permissions what each right gives",
        )


def _process(facts: HostFacts) -> Iterator[Check]:
    if facts.state is not None:
        if facts.state.problem:
            yield Check(
                "state",
                Level.PROBLEM,
                f"logs.state {facts.state.path}: {facts.state.problem}",
                f"install -d -o {facts.uid} {facts.state.path}, or set logs.state",
            )
        else:
            how = "can be written" if facts.state.exists else "can be made"
            yield Check("state", Level.OK, f"logs.state {facts.state.path} {how}")
    files = facts.open_files
    if 0 <= files < _FEWEST_FILES:
        yield Check(
            "open_files",
            Level.NOTE,
            f"{files} files may be open; a busy host needs {_FEWEST_FILES} and more",
            "LimitNOFILE=65536 in the unit, or ulimit -n",
        )
    else:
        yield Check("open_files", Level.OK, f"{'no limit of' if files < 0 else files} open files")


def _agent(facts: HostFacts) -> Iterator[Check]:
    if facts.answer_problem:
        yield Check(
            "agent",
            Level.NOTE,
            f"no ready agent at {facts.address}: {facts.answer_problem}",
            "start one with `agent run`; `agent health` asks it alone",
        )
    else:
        yield Check("agent", Level.OK, f"an agent answers at {facts.address}: {facts.answer}")
