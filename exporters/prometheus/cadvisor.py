"""cAdvisor's metrics by cAdvisor's groups: what "the same names" means, and what is left out why.

From lib/metrics/prometheus.go and prometheus_machine.go of cAdvisor 0.60 (2026-07). A metric of
ours by one of these names has its type, labels, unit and meaning, and keeps them ("stable").
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final


def _names(prefix: str, words: str) -> tuple[str, ...]:
    return tuple(prefix + word for word in words.split())


GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "cpu": _names(
        "container_cpu_",
        "user_seconds_total system_seconds_total usage_seconds_total cfs_periods_total"
        " cfs_throttled_periods_total cfs_throttled_seconds_total cfs_burst_periods_total"
        " cfs_burst_seconds_total",
    ),
    "sched": _names(
        "container_cpu_schedstat_",
        "run_seconds_total runqueue_seconds_total run_periods_total",
    ),
    "cpuLoad": _names("container_", "cpu_load_average_10s cpu_load_d_average_10s tasks_state"),
    "hugetlb": _names("container_hugetlb_", "failcnt usage_bytes max_usage_bytes"),
    "memory": _names(
        "container_memory_",
        "cache rss kernel_usage mapped_file swap failcnt usage_bytes max_usage_bytes"
        " working_set_bytes total_active_file_bytes total_inactive_file_bytes failures_total"
        " events_high_total events_max_total file_dirty_bytes file_writeback_bytes pgscan_total"
        " pgsteal_total workingset_refault_file_total workingset_refault_anon_total",
    ),
    "cpuset": ("container_memory_migrate",),
    "memory_numa": ("container_memory_numa_pages",),
    "disk": _names("container_fs_", "inodes_free inodes_total limit_bytes usage_bytes"),
    "diskIO": _names(
        "container_",
        "fs_reads_bytes_total fs_reads_total fs_sector_reads_total fs_reads_merged_total"
        " fs_read_seconds_total fs_writes_bytes_total fs_writes_total fs_sector_writes_total"
        " fs_writes_merged_total fs_write_seconds_total fs_io_current fs_io_time_seconds_total"
        " fs_io_time_weighted_seconds_total fs_io_cost_usage_seconds_total"
        " fs_io_cost_wait_seconds_total fs_io_cost_indebt_seconds_total"
        " fs_io_cost_indelay_seconds_total blkio_device_usage_total",
    ),
    "network": _names(
        "container_network_",
        "receive_bytes_total receive_packets_total receive_packets_dropped_total"
        " receive_errors_total transmit_bytes_total transmit_packets_total"
        " transmit_packets_dropped_total transmit_errors_total",
    ),
    "tcp": _names("container_network_", "tcp_usage_total tcp6_usage_total"),
    "advtcp": ("container_network_advance_tcp_stats_total",),
    "udp": _names("container_network_", "udp_usage_total udp6_usage_total"),
    "process": _names(
        "container_", "processes file_descriptors sockets threads_max threads ulimits_soft"
    ),
    "perf_event": _names(
        "container_perf_",
        "events_total events_scaling_ratio uncore_events_total uncore_events_scaling_ratio",
    ),
    "referenced_memory": ("container_referenced_bytes",),
    "resctrl": _names(
        "container_", "memory_bandwidth_bytes memory_bandwidth_local_bytes llc_occupancy_bytes"
    ),
    "oom_event": ("container_oom_events_total",),
    "pressure": _names(
        "container_pressure_",
        "cpu_stalled_seconds_total cpu_waiting_seconds_total memory_stalled_seconds_total"
        " memory_waiting_seconds_total io_stalled_seconds_total io_waiting_seconds_total",
    ),
    "app": (),
    "percpu": (),
    "cpu_topology": _names(
        "machine_",
        "cpu_cache_capacity_bytes thread_siblings_count node_memory_capacity_bytes"
        " node_hugepages_count node_distance",
    ),
}
"""Group → names, as --disable_metrics and --enable_metrics know them."""

ALWAYS: Final = (
    *_names("container_spec_", "cpu_period cpu_quota cpu_shares memory_limit_bytes"),
    *_names("container_spec_memory_", "swap_limit_bytes reservation_limit_bytes"),
    *_names("container_", "start_time_seconds creation_time_seconds last_seen health_state"),
    *("container_scrape_error", "machine_scrape_error"),
    "cadvisor_version_info",
    *_names("machine_", "cpu_cores cpu_physical_cores cpu_sockets cpu_books cpu_drawers"),
    *_names("machine_", "memory_bytes swap_bytes dimm_count dimm_capacity_bytes"),
    *_names("machine_", "nvm_capacity nvm_avg_power_budget_watts"),
)
"""What no group switches."""

NAMES: Final = frozenset(ALWAYS).union(*GROUPS.values())
"""Every name of cAdvisor's."""

WITHOUT: Final[Mapping[str, str]] = {
    "sched": "sums /proc/PID/schedstat over the processes alive now, so it falls when one ends; "
    "container_pressure_cpu_waiting_seconds_total tells how long they waited",
    "cpuLoad": "is always 0 on cgroup v2; container_pressure_cpu_waiting_seconds_total tells it",
    "percpu": "is what cgroup v2 does not count",
    "perf_event": "takes hardware counters away from whoever profiles the host",
    "referenced_memory": "clears the referenced bits of every page, at seconds of CPU a reading",
    "resctrl": "needs a monitoring group made for each container; this agent makes nothing",
    "cpu_topology": "is about the machine; node_exporter has it",
    "app": "scrapes the applications; Prometheus does that itself",
}
"""Groups of cAdvisor's there is nothing for, with the reason."""

_NOT_COUNTED: Final = "io.stat does not count it; cAdvisor shows the host's number, or nothing"
_INVENTORY: Final = "is the machine's inventory; node_exporter has it"
WITHOUT_NAMES: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        _names(
            "container_fs_",
            "sector_reads_total reads_merged_total read_seconds_total sector_writes_total"
            " writes_merged_total write_seconds_total io_current io_time_seconds_total"
            " io_time_weighted_seconds_total",
        ),
        _NOT_COUNTED,
    ),
    **dict.fromkeys(
        _names(
            "machine_",
            "cpu_books cpu_drawers dimm_count dimm_capacity_bytes nvm_capacity"
            " nvm_avg_power_budget_watts",
        ),
        _INVENTORY,
    ),
    "cadvisor_version_info": "is about cAdvisor; agent_build_info and machine_info tell the same",
}
"""Single names there is nothing for, with the reason."""
