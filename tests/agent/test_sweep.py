"""What the sweep says is what the files say: converted by hand, and on this host's own cgroups."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator

import pytest

from agent.bpf.loader import ProbeUnavailable
from agent.bpf.sweep import (
    HAS_BASE,
    HAS_CPU,
    HAS_MEMORY,
    HAS_PEAK,
    HAS_PIDS,
    HAS_PIDS_EVENTS,
    SweepRecord,
    open_sweep,
)
from agent.cgroupfs.cpu import CpuMax, CpuStat
from agent.cgroupfs.memory import MemoryEvents
from agent.cgroupfs.reading import Cgroup, CgroupReading
from agent.cgroupfs.swept import Check, differs
from agent.cgroupfs.tree import CgroupTree
from agent.config import HostPaths
from agent.kernelfile import UNLIMITED
from agent.sampler import host_hierarchies
from agent.sweep import HostSweep, adjust, v1_values, v2_values

PAGE = os.sysconf("SC_PAGE_SIZE")
NO_LIMIT = ((1 << 63) - 1) // PAGE
ALL = HAS_BASE | HAS_CPU | HAS_MEMORY | HAS_PIDS | HAS_PIDS_EVENTS | HAS_PEAK


def record(**fields: int) -> SweepRecord:
    return SweepRecord(*[0] * len(SweepRecord._fields))._replace(**fields)


def test_values_have_the_units_and_shapes_of_the_parsers() -> None:
    values = v2_values(
        record(
            has=ALL,
            usage=3_000_000,
            user=2_000_000,
            system=1_000_000,
            shares=2 << 20,
            quota=200_000_000,
            period=100_000_000,
            nr_periods=7,
            nr_throttled=3,
            throttled_time=5_000_999,
            memory=3,
            memory_max=NO_LIMIT,
            memory_high=10,
            swap_max=NO_LIMIT,
            events_oom_kill=1,
            pids=4,
            pids_limit=(1 << 22) + 1,
            pids_events_max=9,
        )
    )
    assert values["cpu.stat"] == CpuStat(3000, 2000, 1000, 7, 3, 5000, 0, 0)
    assert values["cpu.max"] == CpuMax(200_000, 100_000)
    assert values["cpu.weight"] == 200
    assert values["memory.current"] == 3 * PAGE
    assert values["memory.max"] is UNLIMITED
    assert values["memory.high"] == 10 * PAGE
    assert values["memory.events"] == MemoryEvents(0, 0, 0, 0, 1, 0)
    assert values["pids.max"] is UNLIMITED
    assert values["pids.events"] == 9


def test_a_controller_that_is_off_has_no_values() -> None:
    assert set(v2_values(record(has=HAS_BASE, usage=1000))) == {"cpu.stat"}
    assert v2_values(record(has=HAS_BASE, usage=1000))["cpu.stat"] == CpuStat(1, 1, 0)
    assert v1_values(record(has=HAS_BASE)) == {}


def test_no_quota_is_unlimited() -> None:
    values = v2_values(record(has=HAS_CPU, quota=(1 << 64) - 1, period=100_000_000))
    assert values["cpu.max"] == CpuMax(UNLIMITED, 100_000)
    values = v1_values(record(has=HAS_CPU, quota=(1 << 64) - 1, shares=1 << 20))
    assert values["cpu.cfs_quota_us"] is UNLIMITED
    assert values["cpu.shares"] == 1024


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({"usage": 100, "user": 30, "system": 10}, (75, 25)),
        ({"usage": 100, "user": 30}, (100, 0)),
        ({"usage": 100, "system": 10}, (0, 100)),
        # Never less than was shown before, and never more in all than was used.
        ({"usage": 100, "user": 30, "system": 10, "shown_user": 90, "shown_system": 2}, (90, 10)),
        ({"usage": 100, "user": 30, "system": 10, "shown_user": 60, "shown_system": 40}, (60, 40)),
    ],
)
def test_user_and_system_are_scaled_as_the_kernel_does(
    fields: dict[str, int], shown: tuple[int, int]
) -> None:
    assert adjust(record(**fields)) == shown


def test_what_did_not_move_must_be_equal_and_what_moved_says_nothing() -> None:
    assert differs(5, 6, 5)
    assert not differs(5, 5, 5)
    assert not differs(5, 9, 7)
    assert differs(CpuStat(1, 2), CpuStat(1, 3), CpuStat(9, 2))
    assert not differs(None, 4, None)


def test_a_field_that_is_wrong_three_times_in_a_row_is_told() -> None:
    check = Check()
    wrong = {"pids.current": 3}, {"pids.current": 4}, {"pids.current": 3}
    right = {"pids.current": 3}, {"pids.current": 3}, {"pids.current": 3}
    doubtful = []
    for look in (wrong, right):
        assert check.look(*look) == ""
        doubtful.append(check.doubtful)
    assert doubtful == [True, False]
    assert [bool(check.look(*wrong)) for _ in range(3)] == [False, False, True]


@pytest.fixture
def trees() -> Iterator[tuple[CgroupTree, CgroupTree, HostSweep]]:
    """One that reads files, one that sweeps."""
    hierarchies = host_hierarchies(HostPaths())
    try:
        sweep = HostSweep(hierarchies, open_sweep(1000))
    except ProbeUnavailable as error:
        pytest.skip(error.reason)
    with CgroupTree(hierarchies) as files, CgroupTree(hierarchies, swept=sweep) as swept:
        yield files, swept, sweep
    sweep.close()


def test_every_field_of_every_cgroup_is_between_two_reads_of_its_file(
    trees: tuple[CgroupTree, CgroupTree, HostSweep],
) -> None:
    files, swept, sweep = trees
    wrong: dict[str, int] = {}
    compared = 0
    for _ in range(3):
        before = look(files)
        between = look(swept)
        after = look(files)
        assert sweep.reason == ""
        for cgroup in before.keys() & between.keys() & after.keys():
            for field in dataclasses.fields(CgroupReading):
                if field.name.endswith("pressure") or field.name == "memory_stat":
                    continue  # up to two seconds old by design; a file on both sides
                old, new, late = (
                    getattr(readings[cgroup], field.name) for readings in (before, between, after)
                )
                compared += 1
                if differs(old, new, late):
                    wrong[f"{cgroup.path} {field.name}"] = (
                        wrong.get(f"{cgroup.path} {field.name}", 0) + 1
                    )
    assert compared > 100
    # A number may move and come back between the reads, once; not each time.
    assert [name for name, times in wrong.items() if times > 1] == []


def test_files_the_sweep_answers_for_are_not_opened(
    trees: tuple[CgroupTree, CgroupTree, HostSweep],
) -> None:
    files, swept, _ = trees
    look(files)
    look(swept)
    assert files_open(swept) < files_open(files) * 0.6


def test_a_sweep_that_is_not_believed_is_replaced_by_the_files(
    trees: tuple[CgroupTree, CgroupTree, HostSweep],
) -> None:
    files, swept, sweep = trees
    look(swept)
    sweep.distrust("pids.current: the walk says 4, the file 3")
    readings = look(swept)
    expected = look(files)
    assert files_open(swept) == pytest.approx(files_open(files), rel=0.05)
    assert {c.path for c in readings} & {c.path for c in expected}
    for cgroup in readings.keys() & expected.keys():
        assert readings[cgroup].memory_max == expected[cgroup].memory_max


def look(tree: CgroupTree) -> dict[Cgroup, CgroupReading]:
    readings = {cgroup: tree.read(cgroup) for cgroup in reversed(tree.walk())}
    return {cgroup: reading for cgroup, reading in readings.items() if reading is not None}


def files_open(tree: CgroupTree) -> int:
    return sum(kept.kept for kept in tree._kept.values())
