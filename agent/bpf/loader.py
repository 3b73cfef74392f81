"""The one door to probes: decide, load by libbpf or bcc, say why not.

    with open_probe(LIFECYCLE) as probe:
        reading = probe.read()

"auto" takes libbpf and, where that cannot run a single program, bcc. A probe that runs in part is a
probe: what is off is in `Probe.off`. A loader is not left for the sake of one program, as
the next would meet the same kernel.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Final, Literal, TypeVar

from agent.bpf import bcc_loader, libbpf
from agent.bpf.cpus import cpu_ids
from agent.bpf.facts import Facts, gather
from agent.bpf.loaded import Loaded, LoadFailed
from agent.bpf.probe import Kind, Probe, WrongLayout
from agent.bpf.probeset import LOADERS, LoaderName, ProbeSet
from agent.bpf.support import decide, refuse_loader

Backend = Callable[[ProbeSet, Facts, Collection[str], Mapping[str, int]], Loaded]
"""
(probe, facts, names of programs to leave out, entries of maps) -> loaded programs, not attached.

Raises LoadFailed.
"""

C = TypeVar("C")


class ProbeUnavailable(Exception):
    """No loader can run the probe here. `reason` says why, in words."""

    def __init__(self, reasons: tuple[tuple[str, str], ...]) -> None:
        self.reasons = reasons
        """(loader, why) for each that was tried."""
        first = reasons[0][1]
        if all(reason == first for _, reason in reasons):
            self.reason = first
        else:
            self.reason = "; ".join(f"{loader}: {reason}" for loader, reason in reasons)
        super().__init__(self.reason)


def open_probe(
    kind: Kind[C],
    loader: Literal["auto", "libbpf", "bcc"] = "auto",
    facts: Facts | None = None,
    *,
    cgroups: int = 0,
    backends: Mapping[LoaderName, Backend] | None = None,
) -> Probe[C]:
    """
    Load a probe, and start it unless it is for windows. Raise ProbeUnavailable where it cannot run.

    `cgroups`: how many the host has, for the size of the maps.
    """
    if facts is None:
        facts = gather(kind.programs.tracepoints, kind.programs.kfuncs)
    name, loaded, reasons = load(kind.programs, loader, facts, backends, cgroups=cgroups)
    try:
        probe = Probe(kind, name, loaded, reasons)
    except WrongLayout as error:
        raise ProbeUnavailable((*reasons, (name, str(error)))) from error
    if not kind.windowed:
        probe.start()
        if not probe.running:
            probe.close()
            reason = "; ".join(dict.fromkeys(probe.off.values()))
            raise ProbeUnavailable((*reasons, (name, reason)))
    return probe


def load(
    probe: ProbeSet,
    loader: Literal["auto", "libbpf", "bcc"],
    facts: Facts,
    backends: Mapping[LoaderName, Backend] | None = None,
    *,
    cgroups: int = 0,
) -> tuple[LoaderName, Loaded, tuple[tuple[str, str], ...]]:
    """
    Load by the first loader that can: (its name, what is loaded, why those before it did not).

    Nothing is attached yet. Raise ProbeUnavailable where none can.
    """
    backends = _BACKENDS if backends is None else backends
    decisions = decide(facts, probe)
    sizes = probe.sizes(cgroups, cpu_ids())
    reasons: list[tuple[str, str]] = []
    order: tuple[LoaderName, ...] = LOADERS if loader == "auto" else (loader,)
    for name in ("bcc",) if probe.source else order:
        refused = {
            decision.program: decision.reason
            for decision in decisions
            if decision.loader == name and not decision.allowed
        }
        if len(refused) == len(probe.programs):
            reason = refuse_loader(facts, name) or "; ".join(dict.fromkeys(refused.values()))
            reasons.append((name, reason))
            continue
        try:
            loaded = backends[name](probe, facts, refused, sizes)
        except LoadFailed as error:
            reasons.append((name, error.reason))
            continue
        loaded.off.update(refused)
        return name, loaded, tuple(reasons)
    raise ProbeUnavailable(tuple(reasons))


def _by_libbpf(
    probe: ProbeSet, _facts: Facts, without: Collection[str], sizes: Mapping[str, int]
) -> Loaded:
    try:
        with open(probe.object_path, "rb") as file:
            image = file.read()
    except OSError as error:
        raise LoadFailed(f"libbpf: {error}") from error
    return libbpf.load(image, probe.name, without=without, sizes=sizes)


def _by_bcc(
    probe: ProbeSet, facts: Facts, without: Collection[str], sizes: Mapping[str, int]
) -> Loaded:
    return bcc_loader.load(probe, facts, without=without, sizes=sizes)


_BACKENDS: Final[Mapping[LoaderName, Backend]] = {"libbpf": _by_libbpf, "bcc": _by_bcc}
