"""What a captured host's container and root read as, whole."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from agent.cgroupfs.cpu import CpuMax, CpuStat
from agent.cgroupfs.events import CgroupEvents
from agent.cgroupfs.io import IoStat
from agent.cgroupfs.memory import MemoryEvents
from agent.cgroupfs.pressure import Pressure, Stall
from agent.cgroupfs.reading import CgroupReading
from agent.cgroupfs.tree import CgroupTree
from agent.cgroupfs.v1 import V1_ROWS
from agent.cgroupfs.v2 import V2_ROWS
from agent.kernelfile import UNLIMITED
from tests.fixtures.host_trees import HYBRID, V2, container_path, hierarchies

DETAILS = {row.field for row in V1_ROWS + V2_ROWS if row.detail} | {"hugetlb"}


def _read(host: Path, path: str, *details: str) -> CgroupReading:
    with CgroupTree(hierarchies(host), details=details) as tree:
        (cgroup,) = (cgroup for cgroup in tree.walk() if cgroup.path == path)
        reading = tree.read(cgroup)
    assert reading is not None
    assert (reading.denied, reading.failed) == ((), ())
    return reading


def _absent(reading: CgroupReading) -> set[str]:
    """Fields that are None, without those of details that were not asked for."""
    names = {field.name for field in fields(reading)} - DETAILS
    return {name for name in names if getattr(reading, name) is None}


def test_a_container_on_a_hybrid_host_reads_as_its_v1_files_and_the_pressure_beside_them() -> None:
    reading = _read(HYBRID, container_path(HYBRID))
    assert reading.cpu_stat == CpuStat(2004085, 140000, 1850000, 321, 4, 134760, 0, 0)
    assert reading.cpu_max == CpuMax(20000, 100000)
    assert reading.cpu_shares == 512
    assert reading.memory_current == 1675264
    assert reading.memory_peak == 16777216
    assert reading.memory_low == 8388608
    assert reading.memory_max == 16777216
    assert reading.memory_swap_current == 0
    assert reading.memory_swap_max == 33554432 - 16777216
    assert reading.memory_stat is not None
    assert reading.memory_stat.anon == 110592
    assert reading.memory_stat.file == 1048576
    assert reading.memory_stat.kernel == 360448
    assert reading.memory_stat.inactive_file == 1048576
    assert reading.memory_stat.pgfault == 127449
    assert reading.memory_stat.slab_reclaimable is None
    assert reading.memory_events == MemoryEvents(max=92, oom_kill=1)
    assert reading.io_stat == (IoStat(254, 0, 0, 307388416, 0, 878, dbytes=305135616, dios=291),)
    assert (reading.pids_current, reading.pids_peak, reading.pids_max) == (2, 12, 12)
    assert reading.pids_events_max == 1
    assert reading.cpu_pressure == Pressure(
        some=Stall(0.04, 0.09, 0.02, 159076), full=Stall(0.04, 0.09, 0.02, 130803)
    )
    assert reading.memory_pressure is not None
    assert reading.io_pressure is not None
    assert reading.cgroup_events == CgroupEvents(populated=True, frozen=False)
    assert _absent(reading) == {"cpu_weight", "memory_min", "memory_high"}


def test_the_root_of_a_hybrid_host_has_no_pids_and_no_events() -> None:
    reading = _read(HYBRID, "/")
    assert reading.memory_max is UNLIMITED
    assert reading.cpu_max == CpuMax(UNLIMITED, 100000)
    assert _absent(reading) == {
        "cpu_weight",
        "memory_min",
        "memory_high",
        "pids_current",
        "pids_peak",
        "pids_max",
        "pids_events_max",
        "cgroup_events",
    }


def test_a_container_on_a_v2_host_has_everything_but_v1s_shares() -> None:
    reading = _read(V2, container_path(V2))
    assert reading.cpu_stat == CpuStat(2779941, 225042, 2554898, 180, 116, 13536737, 0, 0)
    assert reading.cpu_max == CpuMax(20000, 100000)
    assert reading.cpu_weight == 50
    assert reading.memory_current == 15392768
    assert reading.memory_peak == 16777216
    assert reading.memory_min == 0
    assert reading.memory_low == 8388608
    assert reading.memory_high == 14680064
    assert reading.memory_max == 16777216
    assert (reading.memory_swap_current, reading.memory_swap_max) == (0, 0)
    assert reading.memory_stat is not None
    assert reading.memory_stat.kernel == 176128
    assert reading.memory_events == MemoryEvents(0, 1118, 28, 1, 1, 0)
    assert reading.io_stat == (IoStat(7, 0, 0, 4194304, 0, 1025, 0, 0),)
    assert (reading.pids_current, reading.pids_peak, reading.pids_max) == (2, 12, 12)
    assert reading.pids_events_max == 1
    assert reading.memory_pressure == Pressure(
        some=Stall(33.85, 7.78, 1.69, 5206083), full=Stall(33.85, 7.78, 1.69, 5206083)
    )
    assert _absent(reading) == {"cpu_shares"}


def test_a_v2_cgroup_without_limits_is_unlimited_not_absent() -> None:
    reading = _read(V2, "/kubepods")
    assert reading.memory_max is UNLIMITED
    assert reading.memory_swap_max is UNLIMITED
    assert reading.pids_max is UNLIMITED
    assert reading.cpu_max == CpuMax(UNLIMITED, 100000)
    assert reading.memory_low == 0


def test_the_root_of_a_v2_host_has_statistics_and_pressure_alone() -> None:
    reading = _read(V2, "/")
    present = {field.name for field in fields(reading)} - DETAILS - _absent(reading)
    assert present == {
        "cpu_stat",
        "memory_stat",
        "io_stat",
        "cpu_pressure",
        "memory_pressure",
        "io_pressure",
        "denied",
        "failed",
    }


def test_a_detail_is_read_when_it_is_asked_for_and_not_otherwise() -> None:
    path = container_path(HYBRID)
    assert _read(HYBRID, path).procs is None
    assert _read(HYBRID, path, "process").procs == (16483, 17771)


def test_the_hosts_cgroups_are_counted_at_the_root_alone() -> None:
    root, below = _read(V2, "/", "cgroups"), _read(V2, "/kubepods", "cgroups")
    assert root.cgroup_stat is not None
    assert root.cgroup_stat.nr_descendants == 4
    assert root.cgroup_stat.nr_dying_descendants == 0
    assert below.cgroup_stat is None


def test_what_v1_counts_is_this_cgroup_alone() -> None:
    assert _read(HYBRID, container_path(HYBRID)).memory_events_local == MemoryEvents(
        max=92, oom_kill=1
    )
