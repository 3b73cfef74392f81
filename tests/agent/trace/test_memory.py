"""`agent trace --faults` and `--cache`."""

from __future__ import annotations

from agent.bpf.addition import add_up, subtract
from agent.bpf.faults_counts import BUCKETS, NO_LATENCY, FaultLatency, FaultsCounts
from agent.bpf.page_cache_counts import PageCacheCounts
from agent.trace import cache, faults


def some(minor: int, major: int) -> FaultsCounts:
    buckets = [0] * BUCKETS
    buckets[20] = major
    return FaultsCounts(minor, major, FaultLatency(major * 1_500_000, tuple(buckets)))


NO_FAULTS = FaultsCounts(0, 0, NO_LATENCY)


def test_faults_of_a_containers_cgroups_are_added_up() -> None:
    assert add_up([some(3, 1), some(4, 2)], NO_FAULTS) == some(7, 3)
    assert add_up([], NO_FAULTS) == NO_FAULTS
    none = FaultsCounts(None, 3, None)
    nothing = FaultsCounts(None, 0, None)
    assert add_up([none, none], nothing) == FaultsCounts(None, 6, None)


def test_only_faults_since_are_left() -> None:
    assert subtract(some(7, 3), some(4, 2)) == some(3, 1)
    none = FaultsCounts(None, 3, None)
    assert subtract(none, FaultsCounts(None, 1, None)) == FaultsCounts(None, 2, None)


def test_the_table_of_faults_has_the_times_of_major_ones() -> None:
    lines = faults.table(some(1009, 101))
    assert lines == [
        "PAGE FAULT                TIMES   TIME    AVG    P50    P90    P99",
        "minor: in memory, or new   1009",
        "major: read from a disk     101  152ms  1.5ms  1.6ms  2.0ms  2.1ms",
    ]
    assert faults.table(FaultsCounts(None, 3, None))[1].split()[-6:] == ["3", *"-----"]
    assert faults.headline(some(1009, 101), 2.0) == (
        "504 minor faults/s, 50 major/s, 76ms waiting for pages each second"
    )
    shown = faults.document(some(1009, 101))
    assert (shown["minor"], shown["major"], shown["major_seconds"]) == (1009, 101, 0.1515)
    assert faults.document(FaultsCounts(None, 0, NO_LATENCY))["major_p99_seconds"] is None
    assert faults.document(FaultsCounts(None, 0, None))["major_seconds"] is None


def test_pages_of_a_containers_cgroups_are_added_up_and_taken_apart() -> None:
    one, zero = PageCacheCounts(101, 13, 20, 7), PageCacheCounts(0, 0, 0, 0)
    assert add_up([one, one], zero) == PageCacheCounts(202, 26, 40, 14)
    assert subtract(PageCacheCounts(202, 26, 40, 14), one) == one
    none = PageCacheCounts(None, None, 20, 7)
    assert subtract(none, none) == PageCacheCounts(None, None, 0, 0)


def test_the_table_of_pages() -> None:
    counts = PageCacheCounts(101, 13, 20, 7)
    assert cache.table(counts) == [
        "PAGES                         COUNT",
        "asked for by reads              101",
        "  of these missed                13",
        "added to the cache               20",
        "  of these written, not read      7",
    ]
    assert cache.headline(counts, 2.0) == "hit ratio 87.1%, 50 pages/s asked for"
    assert cache.document(counts)["hit_ratio"] == 1 - 13 / 101


def test_without_the_tracepoint_of_reads_there_is_no_ratio() -> None:
    counts = PageCacheCounts(None, None, 20, 7)
    assert len(cache.table(counts)) == 3
    assert cache.headline(counts, 2.0) == "10 pages/s added to the cache"
    assert cache.document(counts)["hit_ratio"] is None
    assert cache.headline(PageCacheCounts(0, 0, 0, 0), 1.0) == "no hit ratio, 0 pages/s asked for"
