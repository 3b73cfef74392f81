from __future__ import annotations

from dataclasses import replace

from agent.bpf.sched_counts import BUCKETS, NO_SCHED, REASONS, SchedCounts, Sleeps
from agent.trace.sched import Scheduling, headline, row, since, table, together


def counts(
    waits: int, ns: int, sleeps: int = 0, takers: dict[int, int] | None = None
) -> SchedCounts:
    buckets = [0] * BUCKETS
    buckets[20] = waits
    return SchedCounts(
        tuple(buckets),
        ns,
        involuntary=5,
        throttled=2,
        voluntary=7,
        sleeps={name: Sleeps(sleeps, 1000 * sleeps) for name in REASONS},
        takers=takers or {},
    )


def test_a_containers_cgroups_are_added_up() -> None:
    assert together({}, {}) == Scheduling()
    first, second = (
        counts(3, 3_000_000, takers={11: 5, 7: 2}),
        counts(4, 4_000_000, 2, {7: 1, 9: 1}),
    )
    both = together({10: first, 11: second}, {7: "db", 10: "web", 11: "web"})
    assert both.takers == {"db": 3, "cgroup 9": 1}
    assert together({10: second}, {7: "/"}).takers == {"host": 1, "cgroup 9": 1}
    total = both.counts
    assert (sum(total.waits), total.wait_ns, total.voluntary) == (7, 7_000_000, 14)
    assert total.sleeps["io"] == Sleeps(2, 2000)


def test_only_what_happened_since_is_left() -> None:
    old = Scheduling(counts(3, 3_000_000), {"web": 2, "db": 1})
    new = Scheduling(counts(4, 5_000_000, 1), {"web": 2, "db": 14})
    changed = since(new, old)
    assert (sum(changed.counts.waits), changed.counts.wait_ns) == (1, 2_000_000)
    assert changed.takers == {"db": 13}


def test_the_table_says_who_took_the_cpu_and_what_was_waited_for() -> None:
    quiet = Scheduling(replace(counts(4, 8_000_000), sleeps=NO_SCHED.sleeps), {"db": 3, "web": 13})
    assert table(quiet) == [
        "WAITED FOR  TIMES   TIME    AVG",
        "a CPU           4  8.0ms  2.0ms  p50 1.6ms, p99 2.1ms",
        "left the CPU: 7 by itself, 5 not, 2 of these as its quota was used up",
        "CPU TAKEN BY  TIMES",
        "web              13",
        "db                3",
    ]
    busy = table(Scheduling(counts(4, 8_000_000, 3)))
    assert any(line.startswith("a block device") for line in busy)
    assert headline(quiet, 2.0) == "6 switches/s, 4.0ms waiting for a CPU each second"


def test_a_wait_of_less_than_a_microsecond_is_none() -> None:
    at_once = replace(NO_SCHED, waits=(0, 101, *NO_SCHED.waits[2:]), wait_ns=202)
    assert table(Scheduling(at_once))[1].endswith("p50 <1us, p99 <1us")


def test_nothing_is_shown_as_nothing() -> None:
    assert table(Scheduling()) == [
        "WAITED FOR  TIMES  TIME  AVG",
        "a CPU           0   0ns    -",
        "left the CPU: 0 by itself, 0 not",
    ]
    assert row(Scheduling())["wait_p99_seconds"] is None


def test_json_has_base_units() -> None:
    shown = row(Scheduling(counts(4, 8_000_000, 3), {"web": 13}))
    assert (shown["waits"], shown["wait_seconds"], shown["throttled"]) == (4, 0.008, 2)
    assert shown["preempted_by"] == {"web": 13}
    assert shown["off_cpu"]["io"] == {"sleeps": 3, "seconds": 3e-06}
