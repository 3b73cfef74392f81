"""Every metric of the page: name, type, help, where the number comes from.

Names, types and labels are cAdvisor's and the kubelet's (`/metrics/cadvisor`) for all that they
have too, oddities included: `cpu="total"`, and 0 where cAdvisor says "no limit" with 0. What
cAdvisor has not, has a name of ours, and no series where there is nothing to tell.

What a metric reads, and when it has no series, is in `values.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from agent.container.container import Container
from agent.model import Sample, Snapshot
from exporters.prometheus.values import (
    Labels,
    Series,
    Value,
    by_device,
    by_interface,
    execs,
    exits,
    fatal_signals,
    field,
    info,
    key,
    last_seen,
    limit,
    memory_failures,
    memory_usage,
    memory_working_set,
    one,
    oom_victims,
    quota,
    seconds,
    shares,
    stalled,
    started,
    with_quota,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric family of the container series."""

    name: str
    type: Literal["counter", "gauge", "untyped"]
    group: str
    """cAdvisor's name for the set it belongs to; "agent" for ours."""
    source: str
    """Kernel file and key, by cgroup v2's names."""
    help: str
    read: Series
    """The series of one Sample, without the base labels."""


def _counter(name: str, group: str, source: str, text: str, value: Value) -> Metric:
    return Metric(name=name, type="counter", group=group, source=source, help=text, read=one(value))


def _gauge(name: str, group: str, source: str, text: str, value: Value) -> Metric:
    return Metric(name=name, type="gauge", group=group, source=source, help=text, read=one(value))


_CPU = (
    Metric(
        name="container_cpu_usage_seconds_total",
        type="counter",
        group="cpu",
        source="cpu.stat usage_usec",
        help="CPU time used, in seconds.",
        read=one(seconds(key("cpu_stat", "usage_usec")), (("cpu", "total"),)),
    ),
    _counter(
        "container_cpu_user_seconds_total",
        "cpu",
        "cpu.stat user_usec",
        "CPU time used in user mode, in seconds.",
        seconds(key("cpu_stat", "user_usec")),
    ),
    _counter(
        "container_cpu_system_seconds_total",
        "cpu",
        "cpu.stat system_usec",
        "CPU time used in kernel mode, in seconds.",
        seconds(key("cpu_stat", "system_usec")),
    ),
    _counter(
        "container_cpu_cfs_periods_total",
        "cpu",
        "cpu.stat nr_periods",
        "Enforcement periods of the CPU limit that have passed with something to run.",
        with_quota(key("cpu_stat", "nr_periods")),
    ),
    _counter(
        "container_cpu_cfs_throttled_periods_total",
        "cpu",
        "cpu.stat nr_throttled",
        "Enforcement periods in which the CPU limit stopped the container.",
        with_quota(key("cpu_stat", "nr_throttled")),
    ),
    _counter(
        "container_cpu_cfs_throttled_seconds_total",
        "cpu",
        "cpu.stat throttled_usec",
        "Time for which the CPU limit stopped the container, summed over CPUs, in seconds.",
        with_quota(seconds(key("cpu_stat", "throttled_usec"))),
    ),
)

_MEMORY = (
    _gauge(
        "container_memory_usage_bytes",
        "memory",
        "memory.current",
        "Memory in use, page cache included, in bytes.",
        memory_usage,
    ),
    _gauge(
        "container_memory_working_set_bytes",
        "memory",
        "memory.current - memory.stat inactive_file",
        "Memory in use less file pages not used of late, in bytes.",
        memory_working_set,
    ),
    _gauge(
        "container_memory_rss",
        "memory",
        "memory.stat anon",
        "Anonymous memory, in bytes.",
        key("memory_stat", "anon"),
    ),
    _gauge(
        "container_memory_cache",
        "memory",
        "memory.stat file",
        "Page cache, tmpfs and shared memory included, in bytes.",
        key("memory_stat", "file"),
    ),
    _gauge(
        "container_memory_mapped_file",
        "memory",
        "memory.stat file_mapped",
        "File pages mapped by processes, in bytes.",
        key("memory_stat", "file_mapped"),
    ),
    _gauge(
        "container_memory_swap",
        "memory",
        "memory.swap.current",
        "Swap in use, in bytes.",
        field("memory_swap_current"),
    ),
    _gauge(
        "container_memory_max_usage_bytes",
        "memory",
        "memory.peak",
        "Most memory ever in use, in bytes.",
        field("memory_peak"),
    ),
    Metric(
        name="container_memory_failcnt",
        # A counter, by a name that no format allows a counter: OpenMetrics calls it unknown,
        # promtool complains of it, and Prometheus itself does not look at types.
        type="untyped",
        group="memory",
        source="memory.events max",
        help="How often usage hit the memory limit.",
        read=one(key("memory_events", "max")),
    ),
    Metric(
        name="container_memory_failures_total",
        type="counter",
        group="memory",
        source="memory.stat pgfault, pgmajfault",
        help="Page faults, by kind.",
        read=memory_failures,
    ),
    _counter(
        "container_oom_events_total",
        "oom_event",
        "memory.events oom_kill",
        "Processes killed by the OOM killer.",
        key("memory_events", "oom_kill"),
    ),
)

_STALLS: tuple[tuple[Literal["some", "full"], str, str], ...] = (
    ("some", "waiting", "at least one task"),
    ("full", "stalled", "every task that had work"),
)
_PRESSURE = tuple(
    _counter(
        f"container_pressure_{resource}_{word}_seconds_total",
        "pressure",
        f"{resource}.pressure {line}",
        f"Time for which {who} waited for {what}, in seconds.",
        stalled(resource, line),
    )
    for resource, what in (("cpu", "a CPU"), ("memory", "memory"), ("io", "I/O"))
    for line, word, who in _STALLS
)

_IO = tuple(
    Metric(name=name, type="counter", group="diskIO", source=source, help=text, read=by_device(get))
    for name, source, text, get in (
        (
            "container_fs_reads_bytes_total",
            "io.stat rbytes",
            "Bytes read from the device.",
            lambda io: io.rbytes,
        ),
        (
            "container_fs_reads_total",
            "io.stat rios",
            "Read requests completed by the device.",
            lambda io: io.rios,
        ),
        (
            "container_fs_writes_bytes_total",
            "io.stat wbytes",
            "Bytes written to the device.",
            lambda io: io.wbytes,
        ),
        (
            "container_fs_writes_total",
            "io.stat wios",
            "Write requests completed by the device.",
            lambda io: io.wios,
        ),
    )
)

_NETWORK = tuple(
    Metric(
        name=f"container_network_{direction}_{what}_total",
        type="counter",
        group="network",
        source=f"/proc/PID/net/dev {direction} {field}",
        help=f"{text} {word}, once per network namespace.",
        read=by_interface(get),
    )
    for direction, word, what, field, text, get in (
        ("receive", "received", "bytes", "bytes", "Bytes", lambda n: n.receive_bytes),
        ("receive", "received", "packets", "packets", "Packets", lambda n: n.receive_packets),
        ("receive", "on receiving", "errors", "errs", "Errors", lambda n: n.receive_errors),
        (
            "receive",
            "on receiving",
            "packets_dropped",
            "drop",
            "Packets dropped",
            lambda n: n.receive_drops,
        ),
        ("transmit", "sent", "bytes", "bytes", "Bytes", lambda n: n.transmit_bytes),
        ("transmit", "sent", "packets", "packets", "Packets", lambda n: n.transmit_packets),
        ("transmit", "on sending", "errors", "errs", "Errors", lambda n: n.transmit_errors),
        (
            "transmit",
            "on sending",
            "packets_dropped",
            "drop",
            "Packets dropped",
            lambda n: n.transmit_drops,
        ),
    )
)

_PROCESS = (
    _gauge(
        "container_threads",
        "process",
        "pids.current",
        "Threads running in the container.",
        field("pids_current"),
    ),
    _gauge(
        "container_threads_max",
        "process",
        "pids.max",
        "Limit of threads; 0 is no limit.",
        limit("pids_max"),
    ),
)

_SPEC = (
    _gauge(
        "container_spec_cpu_period",
        "spec",
        "cpu.max",
        "Period of the CPU limit, in microseconds.",
        key("cpu_max", "period_usec"),
    ),
    _gauge(
        "container_spec_cpu_quota",
        "spec",
        "cpu.max",
        "CPU time allowed in each period, in microseconds; no series without a limit.",
        quota,
    ),
    _gauge(
        "container_spec_cpu_shares",
        "spec",
        "cpu.weight",
        "Share of CPU time under contention; cpu.weight on the scale of 2 to 262144.",
        shares,
    ),
    _gauge(
        "container_spec_memory_limit_bytes",
        "spec",
        "memory.max",
        "Memory limit in bytes; 0 is no limit.",
        limit("memory_max"),
    ),
    _gauge(
        "container_spec_memory_reservation_limit_bytes",
        "spec",
        "memory.low",
        "Memory protected from reclaim, in bytes; 0 is none.",
        limit("memory_low"),
    ),
    _gauge(
        "container_spec_memory_swap_limit_bytes",
        "spec",
        "memory.swap.max",
        "Swap limit in bytes; 0 is no limit.",
        limit("memory_swap_max"),
    ),
    _gauge(
        "container_start_time_seconds",
        "spec",
        "the runtime's start time, else mtime of the cgroup",
        "When the container was started, in Unix seconds.",
        started,
    ),
    Metric(
        name="container_last_seen",
        type="gauge",
        group="meta",
        source="the agent's clock",
        help="When the container was last read, in Unix seconds.",
        read=last_seen,
    ),
    Metric(
        name="container_info",
        type="gauge",
        group="agent",
        source="the runtime's files",
        help="1; its labels say which runtime, image id and pod uid, for joins.",
        read=info,
    ),
)

_LIFECYCLE = (
    _counter(
        "container_execs_total",
        "lifecycle",
        "BPF sched_process_exec",
        "Programs started since the probe was loaded.",
        execs,
    ),
    Metric(
        name="container_process_exits_total",
        type="counter",
        group="lifecycle",
        source="BPF sched_process_exit",
        help="Processes that ended by themselves since the probe was loaded, by exit code.",
        read=exits,
    ),
    Metric(
        name="container_process_signals_total",
        type="counter",
        group="lifecycle",
        source="BPF sched_process_exit",
        help="Processes that a signal ended since the probe was loaded, by its number.",
        read=fatal_signals,
    ),
    _counter(
        "container_oom_victims_total",
        "lifecycle",
        "BPF mark_victim",
        "Processes of this cgroup the OOM killer chose since the probe was loaded.",
        oom_victims,
    ),
)

METRICS: tuple[Metric, ...] = (
    *_CPU,
    *_MEMORY,
    *_PRESSURE,
    *_IO,
    *_NETWORK,
    *_PROCESS,
    *_LIFECYCLE,
    *_SPEC,
)
"""Every container metric, in the order of the page."""


def base_labels(container: Container | None, path: str) -> Labels:
    """The kubelet's label set, exactly, in its order; "" where there is nothing to say."""
    if container is None:
        return (
            ("container", ""),
            ("id", path),
            ("image", ""),
            ("name", ""),
            ("namespace", ""),
            ("pod", ""),
        )
    return (
        ("container", container.container),
        ("id", path),
        ("image", container.image),
        ("name", container.name),
        ("namespace", container.namespace),
        ("pod", container.pod),
    )


def exported(snapshot: Snapshot) -> list[Sample]:
    """
    The samples that belong on the page: containers, pods, and what is above them.

    Other cgroups (systemd's services and slices) would only add series that no dashboard asks for.
    """
    above: set[str] = {"/"}
    for sample in snapshot.samples:
        if sample.container is not None:
            path = sample.cgroup.path
            while (cut := path.rfind("/")) > 0:
                path = path[:cut]
                above.add(path)
    return [
        sample
        for sample in snapshot.samples
        if sample.container is not None or sample.cgroup.path in above
    ]
