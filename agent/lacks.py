"""What the configuration asks for and does not work just now, in words: `agent health`. Pure.

    probes tcp, sched do not count: this process lacks CAP_BPF
    probe sched is stopped: together they cost more than probes.budget

A probe that is off in the configuration is none of it, nor is what the agent goes without unasked,
as the sweep in the kernel, instead of which files are read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from agent.bpf.running import OFF


class Stopped(Protocol):
    """What a probe costs."""

    @property
    def stopped(self) -> bool:
        """Whether the governor keeps it stopped."""


def of_probes(
    features: Iterable[tuple[str, str, str, str]], costs: Mapping[str, Stopped]
) -> Iterator[str]:
    """`features`: (probe, feature, loader, reason it does not count, or "")."""
    counting: set[str] = set()
    why: dict[str, dict[str, list[str]]] = {}
    for probe, feature, _, reason in features:
        if not reason:
            counting.add(probe)
        elif reason != OFF:
            why.setdefault(reason, {}).setdefault(probe, []).append(feature)
    for reason, probes in why.items():
        names = [
            f"{probe} ({', '.join(missing)})" if probe in counting else probe
            for probe, missing in probes.items()
        ]
        yield f"{_named(names)} not count: {reason}"
    if stopped := sorted(name for name, cost in costs.items() if cost.stopped):
        yield f"{_named(stopped, 'is', 'are')} stopped: together they cost more than probes.budget"


def _named(names: list[str], one: str = "does", more: str = "do") -> str:
    return f"probe {names[0]} {one}" if len(names) == 1 else f"probes {', '.join(names)} {more}"
