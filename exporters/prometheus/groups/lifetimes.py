"""Restarts, exits and health, and what containers that ended have used.

container_health_state is about a container that runs and has its labels. The rest is about everyone
by that name, dead or alive, summed over restarts: `container`, `namespace` and `pod` in Kubernetes,
`name` anywhere else, and neither `id` nor `image`, which change. So they join by name:

    container_restarts_total * on (namespace, pod, container) group_left (image)
        container_info{container!=""}
    container_exited_cpu_seconds_total + on (name) container_cpu_usage_seconds_total{name!=""}

They last for a while after the last end (`lifecycle.keep_hours`).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from agent import units
from agent.lifecycle.events import Health, Reason
from agent.lifecycle.totals import Identity, Total
from agent.model import Sample, Snapshot
from exporters.prometheus.escape import shorten
from exporters.prometheus.metric import (
    NO_LABELS,
    AnyMetric,
    Labels,
    Metric,
    Number,
    SnapshotMetric,
    Type,
)

LABELS: Final = ("container", "name", "namespace", "pod")

_STATES: Final[Mapping[Health, int]] = {
    Health.NONE: -1,
    Health.STARTING: 0,
    Health.UNHEALTHY: 0,
    Health.HEALTHY: 1,
}
"""cAdvisor's numbers."""


@functools.lru_cache(maxsize=1024)
def labels_of(identity: Identity) -> Labels:
    """Who a total is about."""
    return (
        ("container", shorten(identity.container)),
        ("name", shorten(identity.name)),
        ("namespace", shorten(identity.namespace)),
        ("pod", shorten(identity.pod)),
    )


def health(sample: Sample, snapshot: Snapshot) -> Iterable[tuple[Labels, Number | None]]:
    """The state of the health check; nothing where the runtime does not tell."""
    if snapshot.lifetimes is not None:
        state = snapshot.lifetimes.health.get(sample.cgroup.inode)
        if state is not None:
            yield NO_LABELS, _STATES[state]


_TOLD: Final = (Reason.COMPLETED, Reason.ERROR, Reason.OOM_KILLED)
_EXITS: Final[Mapping[Reason, Labels]] = {reason: (("reason", reason.value),) for reason in Reason}


def exits(total: Total) -> Iterable[tuple[Labels, Number | None]]:
    """
    How often it ended, by reason: 0 before the first end too, or increase() would not see that.

    Unknown, which is a lack of ours, only where there was one.
    """
    found = total.exits
    for reason in _TOLD:
        yield _EXITS[reason], found.get(reason, 0)
    if Reason.UNKNOWN in found:
        yield _EXITS[Reason.UNKNOWN], found[Reason.UNKNOWN]


def last_reason(total: Total) -> Iterable[tuple[Labels, Number | None]]:
    """1, with the reason of the last end."""
    if total.last is not None:
        yield (("reason", total.last.reason.value),), 1


def _total(
    name: str,
    source: str,
    text: str,
    read: Callable[[Total], Iterable[tuple[Labels, Number | None]]],
    *,
    kind: Type = "counter",
    labels: tuple[str, ...] = (),
) -> SnapshotMetric:
    def series(snapshot: Snapshot) -> Iterable[tuple[Labels, Number | None]]:
        lifetimes = snapshot.lifetimes
        for total in () if lifetimes is None else lifetimes.totals:
            for more, number in read(total):
                yield labels_of(total.identity) + more, number

    return SnapshotMetric(
        name=name, type=kind, source=source, help=text, read=series, labels=LABELS + labels
    )


def _of_ended(
    name: str,
    source: str,
    text: str,
    get: Callable[[Total], Number | None],
    *,
    kind: Type = "counter",
) -> SnapshotMetric:
    """Nothing for one that did not end yet: then there is no sum."""

    def read(total: Total) -> Iterable[tuple[Labels, Number | None]]:
        if total.last is not None:
            yield NO_LABELS, get(total)

    return _total(name, source, text, read, kind=kind)


METRICS: Final[tuple[AnyMetric, ...]] = (
    Metric(
        name="container_health_state",
        type="gauge",
        source="Docker's config.v2.json State.Health, Podman's healthcheck.log",
        help="1 healthy, 0 unhealthy or starting, -1 without a health check.",
        read=health,
    ),
    _total(
        "container_restarts_total",
        "the runtime's count, cgroup creation",
        "Starts after the first: at first sight what the runtime has counted.",
        lambda total: ((NO_LABELS, total.restarts),),
    ),
    _total(
        "container_exits_total",
        "pidfd, memory.events, the runtime's record",
        "Ends seen: Completed (exit code 0), Error, OOMKilled, or Unknown where nobody told.",
        exits,
        labels=("reason",),
    ),
    _of_ended(
        "container_last_exit_code",
        "pidfd, the runtime's record",
        "Exit code of the last end, 128 and the signal's number where a signal ended it.",
        lambda total: None if total.last is None else total.last.code,
        kind="gauge",
    ),
    _total(
        "container_last_exit_reason",
        "pidfd, memory.events, the runtime's record",
        "1; its label is the reason of the last end.",
        last_reason,
        kind="gauge",
        labels=("reason",),
    ),
    _of_ended(
        "container_exited_cpu_seconds_total",
        "cpu.stat usage_usec at the end",
        "CPU time of the runs that ended, in seconds, without the runtime's work before the start.",
        lambda total: None if total.cpu_usec is None else units.seconds(total.cpu_usec),
    ),
    _of_ended(
        "container_exited_memory_peak_bytes",
        "memory.peak at the end",
        "Largest memory of any run that ended, in bytes.",
        lambda total: total.memory_peak,
        kind="gauge",
    ),
    _of_ended(
        "container_exited_io_read_bytes_total",
        "io.stat rbytes at the end",
        "Bytes the runs that ended read from block devices, over all of them.",
        lambda total: total.read_bytes,
    ),
    _of_ended(
        "container_exited_io_write_bytes_total",
        "io.stat wbytes at the end",
        "Bytes the runs that ended wrote to block devices, over all of them.",
        lambda total: total.write_bytes,
    ),
    _of_ended(
        "container_exited_oom_kills_total",
        "memory.events oom_kill at the end",
        "Processes the OOM killer took from the runs that ended.",
        lambda total: total.oom_kills,
    ),
    _of_ended(
        "container_exited_run_seconds_total",
        "start and end of the first process",
        "Time the runs that ended ran, in seconds.",
        lambda total: total.ran,
    ),
    _of_ended(
        "container_exited_unread_total",
        "the agent's own reading",
        "Runs that ended whose counters were gone too soon: the sums lack what they used last.",
        lambda total: total.unread,
    ),
)
