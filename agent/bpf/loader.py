"""The one door to probes: decide, load by libbpf or bcc, say why not.

    with open_lifecycle() as probe:
        reading = probe.read()

"auto" takes libbpf and, where that cannot run a single program, bcc. A probe that runs in part is a
probe: what is off is in `LifecycleProbe.off`. A loader is not left for the sake of one program, as
the next would meet the same kernel.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Final, Literal

from agent.bpf import bcc_loader, libbpf
from agent.bpf.facts import Facts, gather
from agent.bpf.lifecycle import LIFECYCLE, LifecycleProbe
from agent.bpf.loaded import Loaded, LoadFailed
from agent.bpf.probeset import LOADERS, LoaderName, ProbeSet
from agent.bpf.support import decide, refuse_loader

Backend = Callable[[ProbeSet, Facts, Collection[str]], Loaded]
"""(probe, facts, names of programs to leave out) -> running programs; raises LoadFailed."""


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


def open_lifecycle(loader: Literal["auto", "libbpf", "bcc"] = "auto") -> LifecycleProbe:
    """Start the lifecycle probe. Raise ProbeUnavailable where it cannot run."""
    facts = gather(program.tracepoint for program in LIFECYCLE.programs)
    name, loaded, reasons = open_probe(LIFECYCLE, loader, facts)
    return LifecycleProbe(name, loaded, reasons)


def open_probe(
    probe: ProbeSet,
    loader: Literal["auto", "libbpf", "bcc"],
    facts: Facts,
    backends: Mapping[LoaderName, Backend] | None = None,
) -> tuple[LoaderName, Loaded, tuple[tuple[str, str], ...]]:
    """
    Load by the first loader that can: (its name, what runs, why those before it did not).

    Raise ProbeUnavailable where none can.
    """
    backends = _BACKENDS if backends is None else backends
    decisions = decide(facts, probe)
    reasons: list[tuple[str, str]] = []
    for name in LOADERS if loader == "auto" else (loader,):
        refused = {
            decision.program: decision.reason
            for decision in decisions
            if decision.loader == name and not decision.allowed
        }
        if len(refused) == len(probe.programs):
            reason = refuse_loader(facts, name) or "; ".join(refused.values())
            reasons.append((name, reason))
            continue
        try:
            loaded = backends[name](probe, facts, refused)
        except LoadFailed as error:
            reasons.append((name, error.reason))
            continue
        loaded.off.update(refused)
        return name, loaded, tuple(reasons)
    raise ProbeUnavailable(tuple(reasons))


def _by_libbpf(probe: ProbeSet, _facts: Facts, without: Collection[str]) -> Loaded:
    try:
        with open(probe.object_path, "rb") as file:
            image = file.read()
    except OSError as error:
        raise LoadFailed(f"libbpf: {error}") from error
    return libbpf.load(image, probe.name, without=without)


def _by_bcc(probe: ProbeSet, facts: Facts, without: Collection[str]) -> Loaded:
    return bcc_loader.load(probe, facts, without=without)


_BACKENDS: Final[Mapping[LoaderName, Backend]] = {"libbpf": _by_libbpf, "bcc": _by_bcc}
