"""Every probe that runs: opened together, read together, and each failing by itself.

What a probe counted in a cgroup belongs to the container the cgroup is in: the counts of cgroups
which a container makes below its own are added to it, and stay added when such a cgroup is gone,
so a container's counts only rise. A cgroup that came and went between two ticks is in no walk of
the tree, and its counts are nobody's: `Probes.unattributed` says of how many.

The kernel does not use a cgroup's id again before it has used up 2^64 (Linux kernel commit
40430452fd5d ("kernfs: use 64bit inos if ino_t is 64bit") (in v5.5)), so what is counted by id is
never two cgroups'.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, Final, Literal

from agent.bpf import syscall
from agent.bpf.attach import cgroup2_root
from agent.bpf.counts import ProbeCounts, ProbesReading
from agent.bpf.entries import UnexpectedRecord
from agent.bpf.facts import gather
from agent.bpf.loader import ProbeUnavailable, open_probe
from agent.bpf.probe import Kind, Probe
from agent.bpf.reading import Hierarchy, Reading
from agent.faults import told
from agent.records import NamedTuple, dataclass, field

log = logging.getLogger(__name__)

OFF: Final = "off in the configuration"
"""The reason of a feature that nobody asks for."""


class Feature(NamedTuple):
    """One thing a probe counts, or does not."""

    probe: str
    name: str
    loader: str
    """libbpf or bcc; "" where the probe does not run."""
    reason: str
    """Why it does not count; "" where it does."""


@dataclass(slots=True)
class _Kept:
    """What is known of one probe from tick to tick."""

    probe: Probe[Any]
    seen: frozenset[int] = frozenset()
    """Ids in its last reading."""
    carried: dict[int, Any] = field(default_factory=dict)
    """Container's cgroup -> counts of the cgroups it had and that are gone."""


class Probes:
    """Owns the probes. `read` and `close` by one thread; the rest by any."""

    def __init__(self, probes: Sequence[Probe[Any]], unavailable: Sequence[Feature] = ()) -> None:
        """Take over `probes`. `unavailable`: the features of those that could not be opened."""
        self.probes = tuple(probes)
        self._unavailable = tuple(unavailable)
        self._kept = [_Kept(probe) for probe in probes]
        self._owners: Mapping[Hierarchy, Mapping[int, int]] = {}
        self.unattributed = 0
        """Cgroups something was counted in that were gone before a walk of the tree saw them."""
        self.dropped: Mapping[tuple[str, str], int] = {}
        """(probe, map) -> events that were not counted because the map was full; (probe, "") ->
        because the program was running on that CPU already, when an interrupt brought another."""

    def features(self) -> Iterator[Feature]:
        """Each of each probe, whether it counts or not."""
        for probe in self.probes:
            for name in probe.kind.programs.features:
                yield Feature(probe.name, name, probe.loader, probe.off.get(name, ""))
        yield from self._unavailable

    def read(self, owners: Mapping[Hierarchy, Mapping[int, int]]) -> ProbesReading:
        """
        Read all. Of a probe that is to run always and is stopped, the counts are absent.

        `owners`, by hierarchy: id of each cgroup of a walk of the tree made before -> the cgroup
        its counts belong to, mostly itself.
        """
        by_probe: list[tuple[Mapping[int, Any], Any]] = []
        failures: list[str] = []
        dropped = dict(self.dropped)
        lost: set[int] = set()
        for kept in self._kept:
            try:
                reading = kept.probe.read()
                hierarchy = kept.probe.kind.hierarchy
                before = self._owners.get(hierarchy, {})
                totals = _attribute(kept, reading, owners[hierarchy], before, lost)
            except (OSError, UnexpectedRecord) as error:
                failures.append(f"{kept.probe.name}: {told(error)}")
                continue
            # What it does not count now is not known; that nothing happened would be no truth.
            if kept.probe.windowed or not kept.probe.stopped:
                by_probe.append((totals, reading.zero))
            for name, count in reading.dropped.items():
                dropped[kept.probe.name, name] = count
            programs = list(kept.probe.program_fds())
            if programs:
                dropped[kept.probe.name, ""] = sum(map(syscall.program_misses, programs))
        self.unattributed += len(lost)
        self.dropped = dropped
        self._owners = owners
        nothing = ProbeCounts(zero for _, zero in by_probe)
        counted = set().union(*(totals for totals, _ in by_probe))
        return ProbesReading(
            {
                owner: ProbeCounts(totals.get(owner, zero) for totals, zero in by_probe)
                if owner in counted
                else nothing
                for owner in set(owners["unified"].values())
            },
            tuple(failures),
        )

    def close(self) -> None:
        """Detach and free all. May be called again."""
        with ExitStack() as closing:
            for probe in self.probes:
                closing.callback(probe.close)


def open_probes(
    kinds: Iterable[Kind[Any]],
    loader: Literal["auto", "libbpf", "bcc"] = "auto",
    *,
    others: Iterable[Kind[Any]] = (),
) -> Probes:
    """
    Open each that can be opened. One that cannot turns only itself off, with its reason.

    `others` are off by the configuration, and said to be.
    """
    kinds = tuple(kinds)
    cgroups = count_cgroups()
    facts = gather(
        (name for kind in kinds for name in kind.programs.tracepoints),
        (name for kind in kinds for name in kind.programs.kfuncs),
    )
    opened: list[Probe[Any]] = []
    unavailable: list[Feature] = []
    with ExitStack() as undo:
        for kind in kinds:
            try:
                probe = open_probe(kind, loader, facts, cgroups=cgroups)
            except ProbeUnavailable as error:
                log.warning("probe %s is off: %s", kind.name, error.reason)
                unavailable += _all_off(kind, error.reason)
                continue
            undo.callback(probe.close)
            opened.append(probe)
            for feature, reason in probe.off.items():
                log.warning("probe %s does not count %s: %s", kind.name, feature, reason)
            on = [name for name in kind.programs.features if name not in probe.off]
            log.info("probe %s counts %s, loaded by %s", kind.name, ", ".join(on), probe.loader)
        undo.pop_all()
    for kind in others:
        unavailable += _all_off(kind, OFF)
    return Probes(opened, unavailable)


def count_cgroups(mounts: str = "/proc/self/mounts") -> int:
    """How many cgroups the cgroup2 hierarchy has; 0 where it does not say."""
    try:
        root = cgroup2_root(mounts)
        with open(f"{root}/cgroup.stat", encoding="ascii") as file:
            keys = dict(line.split() for line in file)
    except OSError:
        return 0
    return int(keys.get("nr_descendants", 0))


def _attribute(
    kept: _Kept,
    reading: Reading[Any],
    owners: Mapping[int, int],
    before: Mapping[int, int],
    lost: set[int],
) -> dict[int, Any]:
    """Cgroup -> all that belongs to it. Forgets the cgroups that are gone."""
    add = kept.probe.kind.add
    # What was counted before the walk and is not in it is gone for good.
    gone = kept.seen - owners.keys()
    kept.probe.forget(gone)
    kept.seen = frozenset(reading.cgroups) - gone
    alive = set(owners.values())
    kept.carried = {owner: counts for owner, counts in kept.carried.items() if owner in alive}
    for cgroup in gone & reading.cgroups.keys():
        owner = before.get(cgroup)
        if owner is None:
            lost.add(cgroup)
        elif owner in alive:
            _add_to(kept.carried, owner, reading.cgroups[cgroup], add)
    totals = dict(kept.carried)
    for cgroup, counts in reading.cgroups.items():
        owner = owners.get(cgroup)
        if owner is not None:
            _add_to(totals, owner, counts, add)
    return totals


def _all_off(kind: Kind[Any], reason: str) -> list[Feature]:
    return [Feature(kind.name, name, "", reason) for name in kind.programs.features]


def _add_to(
    totals: dict[int, Any], owner: int, counts: Any, add: Callable[[Any, Any], Any]
) -> None:
    totals[owner] = add(totals[owner], counts) if owner in totals else counts
