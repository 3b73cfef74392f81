"""The owner of all probes: what belongs to whom, what is forgotten, and who fails alone."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.bpf.addition import add
from agent.bpf.counts import ProbeCounts, ProbesReading
from agent.bpf.loaded import Loaded
from agent.bpf.probe import Kind, Maps, Probe
from agent.bpf.probeset import ProbeSet, Program
from agent.bpf.reading import Hierarchy, Reading
from agent.bpf.running import Feature, Probes, count_cgroups


@dataclass(frozen=True, slots=True)
class Shots:
    fired: int
    by_target: Mapping[str, int]


class Naps(NamedTuple):
    taken: int


class Maker:
    """A kind of probe that reads what a test says."""

    def __init__(self, counts: type[Shots] | type[Naps], hierarchy: Hierarchy = "unified") -> None:
        self.now: dict[int, Shots | Naps] = {}
        self.error: Exception | None = None
        self.forgotten: set[int] = set()
        zero: Shots | Naps = Shots(0, {}) if counts is Shots else Naps(0)

        def read(_: Maps) -> Reading[Shots | Naps]:
            if self.error:
                raise self.error
            return Reading(dict(self.now), zero, {"counts": 3})

        def forget(_: Maps, ids: Collection[int]) -> None:
            self.forgotten |= set(ids)
            for each in ids:
                self.now.pop(each, None)

        kind: Kind[Shots | Naps] = Kind(
            programs=ProbeSet(
                name=counts.__name__.lower(),
                programs=(Program(name="on_it", feature="it", tracepoint="it"),),
                maps=(),
            ),
            counts=counts,
            read=read,
            forget=forget,
            hierarchy=hierarchy,
        )
        self.probe = Probe(kind, "libbpf", Loaded(off={"on_it": "a test"}), cpus=2)


def read(
    probes: Probes, owners: dict[int, int], blkio: dict[int, int] | None = None
) -> ProbesReading:
    return probes.read({"unified": owners, "blkio": owners if blkio is None else blkio})


def test_counts_are_found_by_type_and_a_cgroup_without_any_has_zeros() -> None:
    shots, naps = Maker(Shots), Maker(Naps)
    shots.now, naps.now = {7: Shots(2, {"a": 2})}, {8: Naps(5)}
    reading = read(Probes([shots.probe, naps.probe]), {7: 7, 8: 8, 9: 9})
    assert reading.cgroups[7] == ProbeCounts([Shots(2, {"a": 2}), Naps(0)])
    assert reading.cgroups[8].get(Naps) == Naps(5)
    assert reading.cgroups[9].get(Shots) == Shots(0, {})
    assert reading.cgroups[9].get(int) is None
    assert reading.failures == ()


def test_what_a_containers_own_cgroups_count_is_the_containers_and_stays() -> None:
    shots = Maker(Shots)
    probes = Probes([shots.probe])
    shots.now = {7: Shots(1, {"a": 1}), 71: Shots(2, {"a": 1, "b": 1})}
    first = read(probes, {7: 7, 71: 7, 8: 8})
    assert first.cgroups[7].get(Shots) == Shots(3, {"a": 2, "b": 1})
    assert 71 not in first.cgroups
    shots.now[71] = Shots(5, {"a": 4, "b": 1})
    for _ in range(3):
        gone = read(probes, {7: 7, 8: 8})
        assert gone.cgroups[7].get(Shots) == Shots(6, {"a": 5, "b": 1})
    assert shots.forgotten == {71}
    assert probes.unattributed == 0
    # With the container goes what was carried: another one starts from nothing.
    read(probes, {8: 8})
    assert read(probes, {7: 7, 8: 8}).cgroups[7].get(Shots) == Shots(0, {})


def test_a_cgroup_no_walk_has_seen_yet_is_kept_and_one_that_never_was_is_counted() -> None:
    shots = Maker(Shots)
    probes = Probes([shots.probe])
    shots.now = {42: Shots(1, {})}
    assert 42 not in read(probes, {7: 7}).cgroups
    assert shots.forgotten == set(), "a walk made before it was"
    read(probes, {7: 7})
    assert shots.forgotten == {42}
    assert probes.unattributed == 1


def test_one_probe_that_fails_is_absent_and_told_and_the_others_go_on() -> None:
    shots, naps = Maker(Shots), Maker(Naps)
    shots.error, naps.now = OSError("no more"), {7: Naps(5)}
    probes = Probes([shots.probe, naps.probe])
    reading = read(probes, {7: 7})
    assert reading.failures == ("shots: no more",)
    assert reading.cgroups[7].get(Shots) is None
    assert reading.cgroups[7].get(Naps) == Naps(5)
    assert probes.dropped == {("naps", "counts"): 3}


def test_what_is_stopped_is_absent_and_goes_on_from_what_it_had() -> None:
    shots, naps = Maker(Shots), Maker(Naps)
    shots.now, naps.now = {7: Shots(2, {}), 8: Shots(1, {})}, {7: Naps(5)}
    probes = Probes([shots.probe, naps.probe])
    read(probes, {7: 7, 8: 8})
    shots.probe.detach()
    reading = read(probes, {7: 7})
    assert reading.cgroups[7] == ProbeCounts([Naps(5)])
    read(probes, {7: 7})
    assert shots.forgotten == {8}, "the dead are forgotten all the same"
    shots.probe.attach()
    assert read(probes, {7: 7}).cgroups[7].get(Shots) == Shots(2, {})


def test_ids_of_another_hierarchy_are_not_mixed_up() -> None:
    shots = Maker(Shots, "blkio")
    shots.now = {7: Shots(1, {}), 5: Shots(4, {})}
    reading = read(Probes([shots.probe]), {7: 7, 8: 8}, {5: 7, 7: 8})
    assert reading.cgroups[7].get(Shots) == Shots(4, {})
    assert reading.cgroups[8].get(Shots) == Shots(1, {})


def test_every_feature_is_told_with_its_reason() -> None:
    probes = Probes([Maker(Shots).probe], [Feature("tcp", "resets", "", "why")])
    assert list(probes.features()) == [
        Feature("shots", "it", "libbpf", "a test"),
        Feature("tcp", "resets", "", "why"),
    ]


COUNTS = st.builds(
    Shots, st.integers(0, 2**64), st.dictionaries(st.sampled_from("abc"), st.integers(0))
)


@given(COUNTS, COUNTS, COUNTS)
def test_a_sum_does_not_depend_on_the_order(one: Shots, two: Shots, three: Shots) -> None:
    assert add(add(one, two), three) == add(three, add(two, one))
    assert add(one, two).fired == one.fired + two.fired


def test_what_is_not_counted_has_no_sum() -> None:
    assert add((1, None), (2, 3)) == (3, None)
    with pytest.raises(TypeError, match="counts of type str"):
        add("a", "b")


def test_this_hosts_cgroups_are_counted_or_none() -> None:
    assert count_cgroups() >= 0
    assert count_cgroups("/proc/self/status") == 0


def test_a_probe_whose_maps_cannot_be_filled_is_off_and_holds_nothing() -> None:
    def refuse(_: Maps) -> None:
        raise OSError("no room")

    program, other = os.pipe()
    os.close(other)
    kind = replace(Maker(Shots).probe.kind, prepare=refuse)
    probe = Probe(kind, "libbpf", Loaded(programs={"on_it": program}), cpus=2)
    probe.start()
    assert (dict(probe.off), probe.running) == ({"it": "fill its maps: no room"}, False)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(program)
