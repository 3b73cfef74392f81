"""Times counted in the kernel, in nanoseconds, as histograms in seconds.

histogram(counts.latency)                    durations.Durations, as it is
log2_histogram(counts.waits, counts.wait_ns) 2^i <= ns < 2^(i+1) in place i, in fewer buckets
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from agent.bpf.durations import BOUNDS_NS, Durations
from exporters.prometheus.metric import Histogram

_BOUNDS: Final = tuple(bound / 1e9 for bound in BOUNDS_NS)
_LOG2_EDGES: Final = tuple(range(10, 31, 2))
"""Powers of two of ns which log2_histogram keeps as bounds: 1 us to 1 s, in steps of four."""
_LOG2_BOUNDS: Final = tuple((1 << edge) / 1e9 for edge in _LOG2_EDGES)


def histogram(durations: Durations) -> Histogram:
    """Of 16 us to 67 s, in steps of four."""
    return Histogram(_BOUNDS, durations.counts, durations.ns / 1e9)


def log2_histogram(counts: Sequence[int], total_ns: int) -> Histogram:
    """`counts`: 32 places, the last of all from 2^31 ns on."""
    starts = (0, *_LOG2_EDGES)
    ends = (*_LOG2_EDGES, len(counts))
    buckets = [sum(counts[start:end]) for start, end in zip(starts, ends, strict=True)]
    return Histogram(_LOG2_BOUNDS, buckets, total_ns / 1e9)
