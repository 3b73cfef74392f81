"""The groups of what only some hosts have: huge pages, device memory, placement, and so on."""

from __future__ import annotations

import resource
from dataclasses import replace

from agent.cgroupfs.descendants import CgroupStat
from agent.cgroupfs.dmem import Region
from agent.cgroupfs.numa import NodeMemory
from agent.cgroupfs.pressure import Pressure, Stall
from agent.cgroupfs.rdma import Resource
from agent.cgroupfs.reading import CgroupReading, HugePages
from agent.cgroupfs.v1 import V1_ROWS
from agent.cgroupfs.v2 import V2_ROWS
from agent.kernelfile import UNLIMITED
from agent.netstack import GROUPS as NETWORK_GROUPS
from agent.processes import GROUP as PROCESS_GROUP
from exporters.prometheus.catalog import GROUPS, metrics_of
from exporters.prometheus.groups import cgroups, countable, cpu, dmem, hugetlb, placement, pressure
from tests.exporters.prometheus.shown import any_sample, shown


def of(reading: CgroupReading, metrics: tuple[object, ...]) -> dict[str, object]:
    return dict(shown(metrics, replace(any_sample(), reading=reading)))  # type: ignore[arg-type]


def test_a_file_is_read_for_a_group_that_there_is() -> None:
    names = {group.name for group in GROUPS}
    assert {row.detail for row in V1_ROWS + V2_ROWS} - {""} <= names
    assert names >= NETWORK_GROUPS
    assert PROCESS_GROUP in names


def test_no_name_is_in_two_groups() -> None:
    names = [metric.name for metric in metrics_of(GROUPS)]
    assert len(names) == len(set(names))


def test_throttling_by_any_limit_above_is_told_without_a_quota_of_ones_own() -> None:
    page = of(CgroupReading(cpu_local_throttled_usec=1_500_000), cpu.METRICS)
    assert page == {"container_cpu_throttled_seconds_total": {(): 1.5}}


def test_time_lost_to_interrupts_has_no_waiting_line() -> None:
    irq = Pressure(some=None, full=Stall(0.0, 0.0, 0.0, 250_000))
    page = of(CgroupReading(irq_pressure=irq), pressure.METRICS)
    assert page == {"container_pressure_irq_stalled_seconds_total": {(): 0.25}}


def test_huge_pages_are_told_by_size() -> None:
    pages = (HugePages("2MB", 4, 8, 5, 6), HugePages("1GB", 0, UNLIMITED, 0, 0, 7))
    assert of(CgroupReading(hugetlb=pages), hugetlb.METRICS) == {
        "container_hugetlb_usage_bytes": {("2MB",): 4, ("1GB",): 0},
        "container_hugetlb_max_usage_bytes": {("1GB",): 7},
        "container_hugetlb_failcnt": {("2MB",): 5, ("1GB",): 0},
        "container_hugetlb_reserved_bytes": {("2MB",): 6, ("1GB",): 0},
        "container_hugetlb_limit_bytes": {("2MB",): 8},
    }


def test_device_memory_is_told_by_region() -> None:
    vram, stolen = "drm/0000:03:00.0/vram0", "drm/0000:03:00.0/stolen"
    reading = CgroupReading(
        dmem_current=(Region(vram, 1), Region(stolen, 0)),
        dmem_peak=(Region(vram, 2),),
        dmem_max=(Region(vram, 3), Region(stolen, UNLIMITED)),
        dmem_capacity=(Region(vram, 4),),
    )
    assert of(reading, dmem.METRICS) == {
        "container_device_memory_usage_bytes": {(vram,): 1, (stolen,): 0},
        "container_device_memory_max_usage_bytes": {(vram,): 2},
        "container_device_memory_limit_bytes": {(vram,): 3},
        "container_device_memory_capacity_bytes": {(vram,): 4},
    }


def test_countable_resources_are_told_by_device_and_kind() -> None:
    reading = CgroupReading(
        rdma_current=(Resource("mlx4_0", "hca_handle", 2),),
        rdma_max=(Resource("mlx4_0", "hca_handle", UNLIMITED),),
        misc_current=(Resource("", "sev", 3),),
        misc_max=(Resource("", "sev", 5),),
    )
    assert of(reading, (*countable.RDMA, *countable.MISC)) == {
        "container_rdma_resources": {("mlx4_0", "hca_handle"): 2},
        "container_misc_resources": {("sev",): 3},
        "container_misc_resources_limit": {("sev",): 5},
    }


def test_memory_by_node_is_told_in_pages_as_cadvisor_does() -> None:
    page = resource.getpagesize()
    reading = CgroupReading(
        memory_numa=(
            NodeMemory("anon", "container", 0, 3 * page),
            NodeMemory("anon", "hierarchy", 1, 5 * page),
        )
    )
    assert of(reading, placement.MEMORY_NUMA) == {
        "container_memory_numa_pages": {
            ("0", "container", "anon"): 3,
            ("1", "hierarchy", "anon"): 5,
        }
    }


def test_cpus_and_nodes_are_counted() -> None:
    reading = CgroupReading(cpuset_cpus=4, cpuset_mems=1, cpuset_memory_migrate=0)
    assert of(reading, placement.CPUSET) == {
        "container_cpuset_cpus": {(): 4},
        "container_cpuset_memory_nodes": {(): 1},
        "container_memory_migrate": {(): 0},
    }


def test_the_hosts_cgroups_are_told_where_they_were_read() -> None:
    assert of(CgroupReading(cgroup_stat=CgroupStat(42, 7)), cgroups.METRICS) == {
        "container_cgroup_descendants": {(): 42},
        "container_cgroup_dying_descendants": {(): 7},
    }
    assert of(CgroupReading(), cgroups.METRICS) == {}
