"""`agent trace --faults`: page faults of a container, and how long it waited for its pages. Pure:
functions of two readings of the probe "faults".
"""

from __future__ import annotations

from typing import TypedDict

from agent.bpf.faults_counts import FaultLatency, FaultsCounts
from agent.trace.buckets import human_ns, human_quantile, quantile_seconds
from agent.trace.text import columns


class FaultsRow(TypedDict):
    """For JSON. Seconds; null is not told."""

    minor: int | None
    major: int | None
    major_timed: int | None
    """Major faults whose begin was seen, to which the times belong."""
    major_seconds: float | None
    major_p50_seconds: float | None
    major_p99_seconds: float | None


def headline(counts: FaultsCounts, seconds: float) -> str:
    """ "1204 minor faults/s, 3 major/s, 12ms waiting for pages each second"."""
    words = [
        f"{number / seconds:.0f} {name}/s"
        for name, number in (("minor faults", counts.minor), ("major", counts.major))
        if number is not None
    ]
    if counts.latency is not None:
        words.append(f"{human_ns(counts.latency.ns / seconds)} waiting for pages each second")
    return ", ".join(words)


def table(counts: FaultsCounts, _most: int | None = None) -> list[str]:
    """Minor and major; times of the major ones."""
    rows = []
    if counts.minor is not None:
        rows.append(("minor: in memory, or new", str(counts.minor), "", "", "", "", "", ""))
    if counts.major is not None:
        rows.append(("major: read from a disk", str(counts.major), *_times(counts.latency), ""))
    return columns(("PAGE FAULT", "TIMES", "TIME", "AVG", "P50", "P90", "P99", ""), rows)


def document(counts: FaultsCounts) -> FaultsRow:
    """All of it."""
    latency = counts.latency
    return FaultsRow(
        minor=counts.minor,
        major=counts.major,
        major_timed=None if latency is None else latency.faults,
        major_seconds=None if latency is None else latency.ns / 1e9,
        major_p50_seconds=None if latency is None else quantile_seconds(latency.buckets, 0.5),
        major_p99_seconds=None if latency is None else quantile_seconds(latency.buckets, 0.99),
    )


def _times(latency: FaultLatency | None) -> tuple[str, str, str, str, str]:
    if latency is None or not latency.faults:
        return ("-", "-", "-", "-", "-")
    p50, p90, p99 = (human_quantile(latency.buckets, part) for part in (0.5, 0.9, 0.99))
    return (human_ns(latency.ns), human_ns(latency.ns / latency.faults), p50, p90, p99)
