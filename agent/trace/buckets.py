"""Latencies in powers of two of nanoseconds: what is in them, and how a person reads it. Pure."""

from __future__ import annotations

from collections.abc import Sequence


def quantile(buckets: Sequence[int], part: float) -> float | None:
    """
    The nanoseconds below which `part` (0 to 1) of what was measured lies; None where nothing was.

    Bucket i holds 2^i <= ns < 2^(i+1). Within a bucket it is taken as spread evenly, so the answer
    is at most a factor of two from the truth.
    """
    total = sum(buckets)
    if not total:
        return None
    wanted = part * total
    for power, count in enumerate(buckets):
        if count and wanted <= count:
            low = float(1 << power) if power else 0.0
            return low + ((1 << (power + 1)) - low) * wanted / count
        wanted -= count
    return float(1 << len(buckets))


def quantile_seconds(buckets: Sequence[int], part: float) -> float | None:
    """The same in seconds, for a document."""
    ns = quantile(buckets, part)
    return None if ns is None else ns / 1e9


def human_quantile(buckets: Sequence[int], part: float) -> str:
    """The same for a person; "-" where nothing was measured."""
    ns = quantile(buckets, part)
    return "-" if ns is None else human_ns(ns)


def human_ns(ns: float) -> str:
    """Two or three digits and a unit, at most six columns: "340ns", "1.2us", "18ms", "2.5s"."""
    for unit, size in (("s", 1e9), ("ms", 1e6), ("us", 1e3)):
        value = ns / size
        if value >= 1:
            return f"{value:.1f}{unit}" if value < 9.95 else f"{value:.0f}{unit}"
    return f"{ns:.0f}ns"
