"""Log workers' statistics as metrics.

    agent_log_lines_total{destination="file",name="web",namespace="",pod="",path="…"} 120

A worker counts from 0 each time it starts, which Prometheus reads as any process' restart. Two
minutes after a container's end its worker stops telling of it, and its series end.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from agent.families import Family, counter, gauge, histogram
from agent.logs.stats import (
    ACK_SECONDS,
    CAUSES,
    Cause,
    ContainerCounters,
    DestinationCounters,
    WorkerCounters,
    WorkerStats,
)
from agent.records import dataclass, field

_ERROR_LENGTH: Final = 120
_CONTAINER = ["destination", "name", "namespace", "pod", "path"]

_PER_CONTAINER: tuple[tuple[str, str, Callable[[ContainerCounters], float]], ...] = (
    ("lines", "Lines read from the container's log files.", lambda c: c.lines),
    ("bytes", "Bytes read from the container's log files.", lambda c: c.bytes),
    (
        "parse_failures",
        "Lines that were not in their file's format; they are delivered as they are.",
        lambda c: c.parse_failures,
    ),
    (
        "invalid_utf8",
        "Lines in which bytes that are not UTF-8 were replaced.",
        lambda c: c.invalid_utf8,
    ),
    (
        "split_lines",
        "Times a joined line went out in parts, because of its length or for lying open too long.",
        lambda c: c.partials_capped,
    ),
    ("filtered_records", "Records left out by include and exclude rules.", lambda c: c.filtered),
    ("sampled_records", "Records left out by sampling.", lambda c: c.sampled),
    (
        "throttled_records",
        "Records left out because the container was over its rate.",
        lambda c: c.throttled,
    ),
    (
        "throttled_seconds",
        "Time in which the container was not read because it was over its rate.",
        lambda c: c.throttled_seconds,
    ),
    ("redactions", "Secrets replaced in the container's records.", lambda c: c.redacted),
)
_PER_DESTINATION: tuple[tuple[str, str, Callable[[DestinationCounters], int]], ...] = (
    ("delivered_chunks", "Chunks the destination acknowledged.", lambda d: d.chunks),
    ("delivered_records", "Records in acknowledged chunks.", lambda d: d.records),
    ("delivered_bytes", "Payload of acknowledged chunks.", lambda d: d.bytes),
    ("retries", "Times a chunk had to be sent again.", lambda d: d.retries),
    ("rejected_records", "Records the destination refused for good.", lambda d: d.rejected),
    (
        "fields_refused_records",
        "Records delivered without the fields that the destination refused, with these as text.",
        lambda d: d.fields_refused,
    ),
)
_IN_FLIGHT: tuple[tuple[str, str, Callable[[DestinationCounters], int]], ...] = (
    ("in_flight_chunks", "Chunks not acknowledged yet.", lambda d: d.in_flight_chunks),
    ("in_flight_bytes", "Payload of chunks not acknowledged yet.", lambda d: d.in_flight_bytes),
)
_PER_WORKER: tuple[tuple[str, str, Callable[[WorkerCounters], int]], ...] = (
    (
        "checkpoint_failures",
        "Times the checkpoint could not be written.",
        lambda w: w.checkpoint_failures,
    ),
    (
        "checkpoints_set_aside",
        "Times the checkpoint could not be read at start and was put aside.",
        lambda w: w.checkpoints_set_aside,
    ),
    (
        "discovery_failures",
        "Times something that tells of containers' logs could not be read in a look for them.",
        lambda w: w.discovery_failures,
    ),
    ("faults", "Faults of the worker, the ones it wrote about included.", lambda w: w.faults),
)
_LEVELS: tuple[tuple[str, str, Callable[[WorkerCounters], int]], ...] = (
    ("open_files", "Log files that are open.", lambda w: w.files),
    (
        "held_bytes",
        "Bytes of deleted files that are kept open until they are read (logs.held_bytes at most).",
        lambda w: w.held_bytes,
    ),
)
_STATES: tuple[tuple[str, str, Callable[[WorkerCounters], bool | None]], ...] = (
    ("native", "Whether lines are encoded by compiled code.", lambda w: w.native),
    (
        "journal",
        "Whether systemd's journal is read; the worker's log says why not.",
        lambda w: w.journal,
    ),
)


@dataclass(slots=True)
class _Worker:
    """One destination's."""

    restarts: Callable[[], int]
    running: Callable[[], bool]
    stats: WorkerStats | None = None
    losses: dict[Cause, int] = field(default_factory=lambda: dict.fromkeys(CAUSES, 0))
    """Of all containers, also of those whose own series have ended."""
    _counted: dict[tuple[str, Cause], int] = field(default_factory=dict)
    """Container and cause → how many of them are in `losses`."""

    def update(self, stats: WorkerStats) -> None:
        """Take the newest statistics; the worker counts from 0 again when it was started again."""
        self.stats = stats
        counted: dict[tuple[str, Cause], int] = {}
        for container in stats.containers:
            for cause, loss in container.lost.items():
                key = container.path, cause
                before = self._counted.get(key, 0)
                self.losses[cause] += loss.times - (before if before <= loss.times else 0)
                counted[key] = loss.times
        # Of chunks with records of several containers.
        parts, key = stats.destination.rejected_parts, ("", "rejected")
        before = self._counted.get(key, 0)
        self.losses["rejected"] += parts - (before if before <= parts else 0)
        self._counted = {**counted, key: parts}


class LogCollector:
    """Holds each worker's newest statistics."""

    def __init__(self) -> None:
        self._workers: dict[str, _Worker] = {}

    def add(
        self, destination: str, restarts: Callable[[], int], running: Callable[[], bool]
    ) -> None:
        """
        Announce a worker, before its first statistics.

        `restarts`: how often it came back; `running`: whether there is one just now.
        """
        self._workers[destination] = _Worker(restarts, running)

    def update(self, destination: str, stats: WorkerStats) -> None:
        """Take a worker's newest statistics."""
        self._workers[destination].update(stats)

    def lacking(self) -> Iterator[str]:
        """What does not work just now, in words."""
        for destination, worker in self._workers.items():
            if not worker.running():
                yield f"logs to {destination}: the worker does not run; the agent's log says why"
            elif worker.stats is not None and worker.stats.destination.refusing:
                reason = worker.stats.destination.refusing
                yield f"logs to {destination}: it does not take lines now: {reason}"
            elif worker.stats is not None and worker.stats.destination.rejecting:
                reason = worker.stats.destination.rejecting
                yield f"logs to {destination}: it refuses lines for good, which are lost: {reason}"

    def collect(self) -> Iterator[Family]:
        """All workers' counters, and the gauges of their last second."""
        restarts = _counter("worker_restarts", "How often the log worker was started again.")
        told: list[tuple[str, WorkerStats]] = []
        for destination, worker in self._workers.items():
            restarts.add([destination], worker.restarts())
            if worker.stats is not None:
                told.append((destination, worker.stats))
        yield restarts
        yield self._losses()
        yield from _of_containers(told)
        yield from _of_destinations(told)

    def _losses(self) -> Family:
        """There with 0 before the first loss: what increase() is to see must have been there."""
        losses = _counter(
            "losses_by_cause",
            "Times log data was lost, of all containers together; by cause, each from 0 on.",
            ["destination", "cause"],
        )
        for destination, worker in self._workers.items():
            for cause, times in worker.losses.items():
                losses.add([destination, cause], times)
        return losses


def _of_containers(told: list[tuple[str, WorkerStats]]) -> Iterator[Family]:
    rows = [
        ([destination, c.name, c.namespace, c.pod, c.path], c)
        for destination, stats in told
        for c in stats.containers
    ]
    for name, text, get in _PER_CONTAINER:
        family = _counter(name, text, _CONTAINER)
        for labels, container in rows:
            family.add(labels, get(container))
        yield family
    lag = gauge(
        "agent_log_lag_bytes",
        "Bytes of log file written and not acknowledged yet.",
        _CONTAINER,
    )
    lag_seconds = gauge(
        "agent_log_lag_seconds",
        "Age of the oldest line that is not acknowledged; 0 where there is none.",
        _CONTAINER,
    )
    times = _counter("losses", "Times log data was lost, by cause.", [*_CONTAINER, "cause"])
    lost = _counter("lost_bytes", "Bytes of log file lost, by cause.", [*_CONTAINER, "cause"])
    lines = _counter(
        "lost_lines",
        "Lines lost, by cause, where their number is known.",
        [*_CONTAINER, "cause"],
    )
    for labels, container in rows:
        if container.lag_bytes is not None:
            lag.add(labels, container.lag_bytes)
        if container.lag_seconds is not None:
            lag_seconds.add(labels, container.lag_seconds)
        for cause, loss in container.lost.items():
            times.add([*labels, cause], loss.times)
            lost.add([*labels, cause], loss.bytes)
            if loss.lines:
                lines.add([*labels, cause], loss.lines)
    yield lag
    yield lag_seconds
    yield times
    yield lost
    yield lines


def _of_destinations(told: list[tuple[str, WorkerStats]]) -> Iterator[Family]:
    for name, text, get in _PER_DESTINATION:
        family = _counter(name, text)
        for destination, stats in told:
            family.add([destination], get(stats.destination))
        yield family
    for name, text, in_worker in _PER_WORKER:
        family = _counter(name, text)
        for destination, stats in told:
            family.add([destination], in_worker(stats.worker))
        yield family
    for name, text, get in _IN_FLIGHT:
        level = _gauge(name, text)
        for destination, stats in told:
            level.add([destination], get(stats.destination))
        yield level
    connected = _gauge("connected", "Whether the destination is connected.")
    for destination, stats in told:
        if stats.destination.connected is not None:
            connected.add([destination], int(stats.destination.connected))
    yield connected
    yield from _of_workers(told)
    yield from _of_deliveries(told)


def _of_workers(told: list[tuple[str, WorkerStats]]) -> Iterator[Family]:
    for name, text, of_worker in _LEVELS:
        level = _gauge(name, text)
        for destination, stats in told:
            level.add([destination], of_worker(stats.worker))
        yield level
    for name, text, state in _STATES:
        gauge = _gauge(name, text)
        for destination, stats in told:
            value = state(stats.worker)
            if value is not None:
                gauge.add([destination], int(value))
        yield gauge


def _of_deliveries(told: list[tuple[str, WorkerStats]]) -> Iterator[Family]:
    acks = histogram(
        "agent_log_ack_seconds",
        "Time from sending a chunk to its acknowledgement; refused and failed ones are not in it.",
        ["destination"],
    )
    failed = _gauge("last_error_timestamp_seconds", "When the destination failed last.")
    # One series at a time: the newest error's. Prometheus forgets the one before it.
    error = gauge(
        "agent_log_last_error_info",
        "What the destination said when it failed last; the value is always 1.",
        ["destination", "error"],
    )
    for destination, stats in told:
        counters = stats.destination
        total, buckets = 0, []
        bounds = (*map(str, ACK_SECONDS), "+Inf")
        for bound, count in zip(bounds, counters.ack_counts, strict=True):
            total += count
            buckets.append((bound, float(total)))
        acks.add_histogram([destination], buckets, counters.ack_seconds)
        if counters.last_error_at is not None:
            failed.add([destination], counters.last_error_at)
            error.add([destination, _without_numbers(counters.last_error)], 1)
    yield acks
    yield failed
    yield error


def _without_numbers(reason: str) -> str:
    """A label that takes few values: ports, counts, times and ids are left out."""
    return re.sub(r"[0-9a-fA-F]*\d[0-9a-fA-F]*", "#", reason)[:_ERROR_LENGTH]


def _counter(name: str, text: str, labels: list[str] | None = None) -> Family:
    return counter(f"agent_log_{name}", text, labels or ["destination"])


def _gauge(name: str, text: str) -> Family:
    return gauge(f"agent_log_{name}", text, ["destination"])
