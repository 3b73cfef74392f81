"""Waits for a CPU, who took it, and sleeps, as windows of the probe sched see them.

Counters rise while a window is open, so a rate is their rise over that of
agent_probe_window_seconds_total{probe="sched"}.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from agent.bpf.sched_counts import SchedCounts
from agent.container.whose import names_of
from agent.model import Sample, Snapshot
from exporters.prometheus.durations import log2_histogram
from exporters.prometheus.metric import (
    NO_LABELS,
    AnyMetric,
    Histogram,
    HistogramMetric,
    Labels,
    Metric,
    Number,
)
from exporters.prometheus.probe_values import counted_by

_HOST = "host"
"""Whoever is in no container."""


class _Names:
    """Whose each cgroup is, of the newest Snapshot: asked for once a container, made once."""

    def __init__(self) -> None:
        self._made: tuple[Snapshot, Mapping[int, str]] | None = None

    def of(self, snapshot: Snapshot) -> Mapping[int, str]:
        """By cgroup id: a container's name, or where it is in none "host"."""
        made = self._made
        if made is None or made[0] is not snapshot:
            samples = snapshot.samples
            known = {each.container.title for each in samples if each.container is not None}
            owners = names_of((each.cgroup, each.container) for each in samples)
            names = {inode: name if name in known else _HOST for inode, name in owners.items()}
            # One assignment: two threads that meet here make it twice, and both are right.
            self._made = made = snapshot, names
        return made[1]


_names = _Names()


def waits(sample: Sample, _: Snapshot) -> Iterable[tuple[Labels, Histogram]]:
    """Once a task of it got a CPU in a window."""
    counts = sample.probes.get(SchedCounts)
    if counts is not None and any(counts.waits):
        yield NO_LABELS, log2_histogram(counts.waits, counts.wait_ns)


def preemptions(sample: Sample, snapshot: Snapshot) -> Iterable[tuple[Labels, Number | None]]:
    """By who runs instead."""
    counts = sample.probes.get(SchedCounts)
    if counts is None or not counts.takers:
        return
    names = _names.of(snapshot)
    own = names.get(sample.cgroup.inode)
    by: dict[str, int] = {}
    for taker, count in counts.takers.items():
        name = names.get(taker, _HOST)
        if name != own:
            by[name] = by.get(name, 0) + count
    for name in sorted(by):
        yield (("by", name),), by[name]


METRICS: tuple[AnyMetric, ...] = (
    HistogramMetric(
        name="container_runqueue_latency_seconds",
        source="BPF sched_switch",
        help="How long tasks were ready until they got a CPU, in seconds, each time that happened "
        "in a window. agent_probe_window_seconds_total says how long windows were open.",
        read=waits,
    ),
    Metric(
        name="container_cpu_preemptions_total",
        type="counter",
        source="BPF sched_switch",
        help="Times in a window a task that could have gone on lost its CPU to a task of another "
        "container, or of none: by that container's name, or host.",
        read=preemptions,
        labels=("by",),
    ),
    Metric(
        name="container_cpu_switches_total",
        type="counter",
        source="BPF sched_switch",
        help="Times in a window a task left its CPU: by itself, for another task, or throttled, "
        "with nobody to run instead.",
        read=counted_by(
            SchedCounts,
            "kind",
            lambda counts: {
                "involuntary": counts.involuntary - counts.throttled,
                "throttled": counts.throttled,
                "voluntary": counts.voluntary,
            },
        ),
        labels=("kind",),
    ),
    Metric(
        name="container_off_cpu_seconds_total",
        type="counter",
        source="BPF sched_switch",
        help="Time of sleeps that began and ended in one window, by what was waited for: io is a "
        "block device. Sleeps longer than a window are not seen.",
        read=counted_by(
            SchedCounts,
            "reason",
            lambda counts: {
                reason: each.ns / 1e9 for reason, each in counts.sleeps.items() if each.count
            },
        ),
        labels=("reason",),
    ),
)
