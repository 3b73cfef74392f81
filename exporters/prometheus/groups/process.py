"""Processes, threads, file descriptors and sockets.

Sockets are the one thing here that no file counts: every descriptor's link is read for them, about
once a minute, and `container_sockets_age_seconds` says how long ago (`agent.processes`).
"""

from __future__ import annotations

from collections.abc import Iterable

from agent.kernelfile import UNLIMITED
from agent.model import Sample, Snapshot
from agent.processes import ProcessCounts
from exporters.prometheus.metric import (
    NO_LABELS,
    Column,
    Labels,
    Metric,
    Number,
    Row,
    Table,
    counter,
    field,
    gauge,
    limit,
)


def counts(sample: Sample, _: Snapshot) -> Iterable[tuple[Labels, Row]]:
    """The container's one row."""
    return () if sample.processes is None else ((NO_LABELS, sample.processes),)


def sockets_age(sample: Sample, snapshot: Snapshot) -> Iterable[tuple[Labels, Number | None]]:
    """Seconds since the sockets were counted; none before they were."""
    found = sample.processes
    if found is not None and found.sockets is not None and found.looked_at is not None:
        yield NO_LABELS, round(max(0.0, snapshot.taken_at - found.looked_at), 3)


def open_files_limit(sample: Sample, _: Snapshot) -> Iterable[tuple[Labels, Number | None]]:
    """The first process' limit; -1 is cAdvisor's way to say "no limit"."""
    found = None if sample.processes is None else sample.processes.max_open_files
    yield (("ulimit", "max_open_files"),), -1 if found is UNLIMITED else found


_COUNTS = Table(ProcessCounts._fields, counts)

METRICS: tuple[Metric, ...] = (
    gauge(
        "container_processes",
        "cgroup.procs",
        "Processes in the container, those in cgroups below its own included.",
        Column(_COUNTS, "processes"),
    ),
    gauge(
        "container_threads",
        "pids.current",
        "Threads running in the container.",
        field("pids_current"),
    ),
    gauge(
        "container_threads_max",
        "pids.max",
        "Limit of threads; 0 is no limit.",
        limit("pids_max"),
    ),
    counter(
        "container_forks_refused_total",
        "pids.events max",
        "Processes and threads that could not be made since the limit of threads was reached.",
        field("pids_events_max"),
    ),
    gauge(
        "container_file_descriptors",
        "/proc/PID/fd",
        "Open file descriptors of all processes, those a blocked accept has reserved included; "
        "before Linux 6.2 without them, and as old as container_sockets.",
        Column(_COUNTS, "file_descriptors"),
    ),
    gauge(
        "container_sockets",
        "/proc/PID/fd/*",
        "Open file descriptors that are sockets, counted about once a minute; no series where they "
        "may not be looked at or are too many.",
        Column(_COUNTS, "sockets"),
    ),
    Metric(
        name="container_sockets_age_seconds",
        type="gauge",
        source="the agent's own clock",
        help="Time since container_sockets was counted, in seconds.",
        read=sockets_age,
    ),
    Metric(
        name="container_ulimits_soft",
        type="gauge",
        source="/proc/PID/limits",
        help="Soft limit of the container's first process, read about once a minute; -1 is none.",
        read=open_files_limit,
        labels=("ulimit",),
    ),
)
