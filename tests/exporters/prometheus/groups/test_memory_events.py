"""exporters.prometheus.groups.memory_events and memory_detail."""

from __future__ import annotations

from dataclasses import replace

from agent.cgroupfs.memory import MemoryEvents, MemoryStat, SwapEvents
from agent.cgroupfs.reading import CgroupReading
from agent.kernelfile import UNLIMITED
from exporters.prometheus.groups import memory_detail
from exporters.prometheus.groups.memory_events import METRICS
from tests.exporters.prometheus.shown import any_sample, shown


def test_what_hit_this_very_cgroup_is_told_by_event() -> None:
    reading = CgroupReading(
        memory_events_local=MemoryEvents(1, 2, 3, 4, 5, 6),
        memory_swap_events=SwapEvents(7, 8, 9),
        memory_high=4096,
    )
    page = shown(METRICS, replace(any_sample(), reading=reading))
    assert page["container_memory_events_local_total"] == {
        ("high",): 2,
        ("max",): 3,
        ("oom",): 4,
        ("oom_kill",): 5,
        ("oom_group_kill",): 6,
    }
    assert page["container_memory_swap_events_total"] == {("high",): 7, ("max",): 8, ("fail",): 9}
    assert page["container_memory_high_limit_bytes"] == {(): 4096}


def test_v1_tells_the_events_it_has_and_no_others() -> None:
    reading = CgroupReading(memory_events_local=MemoryEvents(max=92, oom_kill=1))
    page = shown(METRICS, replace(any_sample(), reading=reading))
    assert page == {"container_memory_events_local_total": {("max",): 92, ("oom_kill",): 1}}


def test_a_limit_that_is_not_set_has_no_series() -> None:
    reading = CgroupReading(memory_high=UNLIMITED, memory_zswap_max=UNLIMITED)
    metrics = (*METRICS, *memory_detail.METRICS)
    assert shown(metrics, replace(any_sample(), reading=reading)) == {}


def test_every_part_of_memory_is_read_from_its_key() -> None:
    fields = MemoryStat._fields
    stat = MemoryStat._make(range(100, 100 + len(fields)))
    reading = CgroupReading(memory_stat=stat, memory_zswap_max=7, memory_oom_group=1)
    page = shown(memory_detail.METRICS, replace(any_sample(), reading=reading))
    assert page["container_memory_page_tables_bytes"] == {(): stat.pagetables}
    assert page["container_memory_zswapped_bytes"] == {(): stat.zswapped}
    assert page["container_memory_scanned_pages_total"] == {
        ("direct",): stat.pgscan_direct,
        ("kswapd",): stat.pgscan_kswapd,
    }
    assert page["container_memory_zswap_limit_bytes"] == {(): 7}
    assert page["container_memory_oom_group"] == {(): 1}
    for metric in memory_detail.METRICS:
        if metric.source.startswith("memory.stat "):
            keys = metric.source.removeprefix("memory.stat ").split(", ")
            wanted = {float(getattr(stat, key)) for key in keys}
            assert set(page[metric.name].values()) == wanted, metric.name
