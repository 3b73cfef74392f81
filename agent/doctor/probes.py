"""Each probe there is: when the configuration lets it run, and whether it could here. Pure.

A probe that is off is listed too, so that one sees what could be switched on, and that it would do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from agent.bpf import registry
from agent.bpf.probe import Kind
from agent.bpf.probeset import ProbeSet
from agent.config import ProbesConfig
from agent.doctor.facts import Check, HostFacts, Level, PlannedProbe, ProbeSupport, Runs


def planned(
    config: ProbesConfig, own: Iterable[Kind[Any]] = (), sweep: ProbeSet | None = None
) -> tuple[PlannedProbe, ...]:
    """
    All of the registry, those of the user's `own`, and the `sweep` if it is not None.

    Raises UnknownProbe.
    """
    on = {kind.name for kind in registry.select(config.on, config.off)}
    plans = [PlannedProbe(kind.programs, _runs(kind, config, on)) for kind in registry.KINDS]
    plans += [PlannedProbe(kind.programs, Runs.ALWAYS) for kind in own]
    if sweep is not None:
        plans.append(PlannedProbe(sweep, Runs.ALWAYS if config.sweep else Runs.OFF))
    return tuple(plans)


def _runs(kind: Kind[Any], config: ProbesConfig, on: set[str]) -> Runs:
    if kind.on_demand:
        return Runs.TRACE
    if kind.name in config.off:
        return Runs.OFF
    if kind.name not in on:
        return Runs.OFF_BY_DEFAULT
    if not kind.windowed:
        return Runs.ALWAYS
    return Runs.WINDOWS if config.window else Runs.NO_WINDOW


def probes(facts: HostFacts) -> Iterator[Check]:
    """Whether any may run, and then each."""
    if not facts.probes_enabled:
        yield Check("probes", Level.OK, "BPF probes are off (probes.enabled = false)")
        return
    if facts.btf:
        yield Check("btf", Level.OK, f"kernel {facts.kernel} offers its types (BTF)")
    else:
        yield Check(
            "btf",
            Level.NOTE,
            f"kernel {facts.kernel} does not offer its types (BTF)",
            "a kernel with CONFIG_DEBUG_INFO_BTF=y, and /sys mounted",
        )
    for probe in facts.probes:
        yield _probe(probe)


def _probe(probe: ProbeSupport) -> Check:
    features = dict.fromkeys(each.feature for each in probe.decisions)
    may = {each.feature for each in probe.decisions if each.allowed}
    id_ = f"probe.{probe.name}"
    named = f"probe {probe.name} ({probe.runs.value})"
    if features.keys() <= may:
        loaders = dict.fromkeys(each.loader for each in probe.decisions if each.allowed)
        return Check(id_, Level.OK, f"{named} may be loaded by {', '.join(loaders)}")
    by_reason: dict[str, list[str]] = {}
    for each in probe.decisions:
        if each.feature not in may:
            by_reason.setdefault(each.reason, []).append(each.loader)
    reasons = "; ".join(
        reason if len(set(loaders)) > 1 else f"{loaders[0]}: {reason}"
        for reason, loaders in by_reason.items()
    )
    missing = ", ".join(name for name in features if name not in may)
    if probe.runs.is_off:
        # Nobody asked for it: nothing is missed, and whoever wants to ask knows.
        return Check(id_, Level.OK, f"{named} would count no {missing}: {reasons}")
    return Check(id_, Level.NOTE, f"{named} counts no {missing}", reasons)
