"""HostFacts -> checks of what is around the agent: configuration, sockets, clock, limits. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from agent.bpf.facts import memory_limit
from agent.doctor.facts import Check, HostFacts, Level

_ENOUGH_LOCKED: Final = 64 * 1024 * 1024
_RAISE: Final = 24
"""CAP_SYS_RESOURCE's bit: with it the loaders raise the limit themselves."""


def configuration(facts: HostFacts) -> Iterator[Check]:
    """What the configuration has wrong: the rest was looked at with the defaults then."""
    for problem in facts.config_problems:
        yield Check(
            "config", Level.PROBLEM, problem, "agent config validate; agent config show --origin"
        )
    if not facts.config_problems:
        yield Check("config", Level.OK, "the configuration is right")


def runtime_sockets(facts: HostFacts) -> Iterator[Check]:
    """The one that the configuration asks for must answer; the others are only told."""
    asked = facts.docker_socket
    found = {access.path: access for access in facts.sockets}
    if asked and asked not in found:
        yield Check(
            f"socket.{asked}",
            Level.PROBLEM,
            f"docker.socket {asked}: there is no such socket",
            "start Docker, mount the socket, or leave docker.socket empty: files are read then",
        )
    for access in facts.sockets:
        used = access.path == asked
        if access.problem and used:
            yield Check(
                f"socket.{access.path}",
                Level.PROBLEM,
                f"docker.socket {access.path}: {access.problem}",
                "let the agent's user connect (its group), or leave docker.socket empty",
            )
        elif used:
            yield Check(f"socket.{access.path}", Level.OK, f"{access.path} answers, and is used")
        else:
            answers = f"does not answer ({access.problem})" if access.problem else "answers"
            yield Check(
                f"socket.{access.path}",
                Level.OK,
                f"{access.path} {answers}; files are read instead",
            )


def clock(facts: HostFacts) -> Iterator[Check]:
    """By which logs and Snapshots are dated."""
    if facts.clock is None:
        yield Check(
            "clock", Level.NOTE, "whether the clock is kept right cannot be told", "run on the host"
        )
    elif facts.clock:
        yield Check("clock", Level.OK, "the clock is synchronised")
    else:
        yield Check(
            "clock",
            Level.NOTE,
            "nothing keeps the clock right: times of logs and samples may be off",
            "run chronyd or systemd-timesyncd; in a guest, the hypervisor's clock",
        )


def locked_memory(facts: HostFacts) -> Iterator[Check]:
    """What BPF maps may take on old kernels."""
    limit, held = facts.locked_memory, facts.capabilities or 0
    told = "no limit of" if limit < 0 else f"{limit} bytes of"
    counted = memory_limit(facts.kernel, limit)
    few = counted is not None and counted < _ENOUGH_LOCKED and not held >> _RAISE & 1
    if facts.probes_enabled and few:
        yield Check(
            "memlock",
            Level.NOTE,
            f"{told} locked memory: too little for BPF maps on this kernel",
            "LimitMEMLOCK=infinity in the unit, --ulimit memlock=-1, or CAP_SYS_RESOURCE",
        )
    else:
        yield Check("memlock", Level.OK, f"{told} locked memory")


def running_agent(facts: HostFacts) -> Iterator[Check]:
    """What the running agent's page says of itself."""
    for trouble in facts.troubles:
        said = (
            f"it says {trouble}" if trouble.is_off else f"it counted {trouble.value:g}: {trouble}"
        )
        yield Check(
            f"agent.{trouble.name}",
            Level.NOTE,
            f"the running agent: {said}",
            f"its log says what; docs/{_page(trouble.name)} what it means",
        )


def _page(series: str) -> str:
    return "probes.md" if series.startswith(("agent_bpf_", "agent_probe_")) else "metrics.md"
