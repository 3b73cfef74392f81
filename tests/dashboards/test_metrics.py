"""Which metrics the dashboards ask for: names cAdvisor has, so they work beside it too."""

from __future__ import annotations

from typing import Final

import pytest

from dashboards.build import DASHBOARDS
from dashboards.lint import metrics
from dashboards.listing import load
from exporters.prometheus.catalog import GROUPS

_DIRECTIONS: Final = [
    f"container_network_{way}_{what}_total"
    for way in ("receive", "transmit")
    for what in ("bytes", "packets", "errors", "packets_dropped")
]
CADVISOR: Final = {
    "container_cpu_usage_seconds_total",
    "container_cpu_user_seconds_total",
    "container_cpu_system_seconds_total",
    "container_cpu_cfs_periods_total",
    "container_cpu_cfs_throttled_periods_total",
    "container_cpu_cfs_throttled_seconds_total",
    "container_spec_cpu_quota",
    "container_spec_cpu_period",
    "container_spec_memory_limit_bytes",
    "container_memory_usage_bytes",
    "container_memory_working_set_bytes",
    "container_memory_rss",
    "container_memory_cache",
    "container_memory_swap",
    "container_memory_mapped_file",
    "container_memory_max_usage_bytes",
    "container_memory_failcnt",
    "container_memory_failures_total",
    "container_oom_events_total",
    "container_fs_reads_total",
    "container_fs_writes_total",
    "container_fs_reads_bytes_total",
    "container_fs_writes_bytes_total",
    "container_threads",
    "container_threads_max",
    "container_start_time_seconds",
    "container_last_seen",
    "machine_cpu_cores",
    "machine_memory_bytes",
    *_DIRECTIONS,
    *(
        f"container_pressure_{resource}_{kind}_seconds_total"
        for resource in ("cpu", "memory", "io")
        for kind in ("waiting", "stalled")
    ),
}
OURS: Final = {"container_info"}


@pytest.mark.parametrize("name", DASHBOARDS)
def test_only_metrics_that_the_page_has_are_asked_for(name: str) -> None:
    page = {metric.name for group in GROUPS for metric in group.metrics}
    assert metrics(load(name)) <= page | {"machine_cpu_cores", "machine_memory_bytes"}


def test_the_container_dashboard_shows_every_metric_it_is_for() -> None:
    assert metrics(load("container")) == CADVISOR | OURS
