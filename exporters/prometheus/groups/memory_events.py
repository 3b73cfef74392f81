"""What the limits of memory and swap did to this very cgroup.

`container_oom_events_total` and its kin count all cgroups below too; beside a pod's cgroup these
tell whether the pod's limit was hit or a container's.
"""

from __future__ import annotations

from agent.cgroupfs.memory import SwapEvents
from agent.kernelfile import UNLIMITED
from agent.model import Sample
from exporters.prometheus.metric import Metric, counters, gauge, key

_LOCAL = ("high", "max", "oom", "oom_kill", "oom_group_kill")
"""Without `low`: memory.low is what runtimes hardly set, and it is no limit."""


def memory_high(sample: Sample) -> int | None:
    """memory.high in bytes; None where it is not set."""
    high = sample.reading.memory_high
    return None if high is UNLIMITED else high


METRICS: tuple[Metric, ...] = (
    counters(
        "container_memory_events_local_total",
        "memory.events.local",
        "How often this cgroup's own memory.high or limit was hit, no memory was found below the "
        "limit, and what was killed for it: processes, or the whole group.",
        *(((("event", name),), key("memory_events_local", name)) for name in _LOCAL),
    ),
    counters(
        "container_memory_swap_events_total",
        "memory.swap.events",
        "How often swap usage went over memory.swap.high, hit its limit, or found no swap to use.",
        *(((("event", name),), key("memory_swap_events", name)) for name in SwapEvents._fields),
    ),
    gauge(
        "container_memory_high_limit_bytes",
        "memory.high",
        "Usage above which tasks are slowed down to free memory, in bytes; no series without it.",
        memory_high,
    ),
)
