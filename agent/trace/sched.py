"""`agent trace --sched`: how long a container's tasks wait for a CPU, for what else, and who takes
it from them. Pure: functions of two readings of the probe "sched".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypedDict

from agent.bpf.sched_counts import NO_SCHED, REASONS, SchedCounts, Sleeps
from agent.records import dataclass, field
from agent.trace.buckets import human_ns, quantile, quantile_seconds
from agent.trace.text import columns

HOST: Final = "host"
"""The root cgroup: threads of the kernel, and what nobody put anywhere."""
_WORDS: Mapping[str, str] = {
    "io": "a block device",
    "interruptible": "an event: data, a lock, a timer",
    "uninterruptible": "the kernel itself",
    "stopped": "a signal or debugger",
}


@dataclass(frozen=True, slots=True)
class Scheduling:
    """A container's, summed over its cgroups."""

    counts: SchedCounts = NO_SCHED
    takers: Mapping[str, int] = field(default_factory=dict)
    """Who took a CPU from it, by name -> how often."""


class SleepRow(TypedDict):
    """One reason."""

    sleeps: int
    seconds: float


class SchedRow(TypedDict):
    """For JSON. Seconds."""

    waits: int
    wait_seconds: float
    wait_p50_seconds: float | None
    wait_p99_seconds: float | None
    voluntary_switches: int
    involuntary_switches: int
    throttled: int
    preempted_by: dict[str, int]
    off_cpu: dict[str, SleepRow]


def together(cgroups: Mapping[int, SchedCounts], names: Mapping[int, str]) -> Scheduling:
    """
    The sum over a container's cgroups, by id. What they take from each other is not taken from it.

    `names`: cgroup id -> whose it is, "/" the root cgroup. Who is not in it is named by the id.
    """
    total = NO_SCHED
    takers: dict[str, int] = {}
    for counts in cgroups.values():
        total = _combine(total, counts, 1)
        for taker, count in counts.takers.items():
            if taker not in cgroups:
                name = names.get(taker, f"cgroup {taker}")
                name = HOST if name == "/" else name
                takers[name] = takers.get(name, 0) + count
    return Scheduling(total, takers)


def since(new: Scheduling, old: Scheduling) -> Scheduling:
    """What happened between two readings."""
    takers = {name: count - old.takers.get(name, 0) for name, count in new.takers.items()}
    return Scheduling(
        _combine(new.counts, old.counts, -1),
        {name: count for name, count in takers.items() if count},
    )


def table(scheduling: Scheduling, most: int | None = None) -> list[str]:
    """Waits for a CPU, then sleeps by reason, then who took the CPU."""
    counts = scheduling.counts
    waits = sum(counts.waits)
    rows = [("a CPU", *_latency(waits, counts.wait_ns), _quantiles(counts))]
    rows += [
        (_WORDS[reason], *_latency(counts.sleeps[reason].count, counts.sleeps[reason].ns), "")
        for reason in REASONS
        if counts.sleeps[reason].count
    ]
    lines = columns(("WAITED FOR", "TIMES", "TIME", "AVG", ""), rows)
    lines.append(
        f"left the CPU: {counts.voluntary} by itself, {counts.involuntary} not"
        + (f", {counts.throttled} of these as its quota was used up" if counts.throttled else "")
    )
    takers = sorted(scheduling.takers.items(), key=lambda item: (-item[1], item[0]))
    if takers:
        lines.extend(
            columns(
                ("CPU TAKEN BY", "TIMES", ""), [(name, str(n), "") for name, n in takers[:most]]
            )
        )
    return lines


def headline(scheduling: Scheduling, seconds: float) -> str:
    """ "340 switches/s, waits for a CPU 12ms a second"."""
    counts = scheduling.counts
    switches = counts.voluntary + counts.involuntary
    waited = human_ns(counts.wait_ns / seconds)
    return f"{switches / seconds:.0f} switches/s, {waited} waiting for a CPU each second"


def row(scheduling: Scheduling) -> SchedRow:
    """All of it."""
    counts = scheduling.counts
    return SchedRow(
        waits=sum(counts.waits),
        wait_seconds=counts.wait_ns / 1e9,
        wait_p50_seconds=quantile_seconds(counts.waits, 0.5),
        wait_p99_seconds=quantile_seconds(counts.waits, 0.99),
        voluntary_switches=counts.voluntary,
        involuntary_switches=counts.involuntary,
        throttled=counts.throttled,
        preempted_by=dict(sorted(scheduling.takers.items())),
        off_cpu={
            reason: SleepRow(sleeps=sleeps.count, seconds=sleeps.ns / 1e9)
            for reason, sleeps in counts.sleeps.items()
        },
    )


def _combine(first: SchedCounts, second: SchedCounts, sign: int) -> SchedCounts:
    return SchedCounts(
        waits=tuple(a + sign * b for a, b in zip(first.waits, second.waits, strict=True)),
        wait_ns=first.wait_ns + sign * second.wait_ns,
        involuntary=first.involuntary + sign * second.involuntary,
        throttled=first.throttled + sign * second.throttled,
        voluntary=first.voluntary + sign * second.voluntary,
        sleeps={
            reason: Sleeps(
                first.sleeps[reason].count + sign * second.sleeps[reason].count,
                first.sleeps[reason].ns + sign * second.sleeps[reason].ns,
            )
            for reason in REASONS
        },
        takers={},
    )


def _latency(times: int, ns: int) -> tuple[str, str, str]:
    return str(times), human_ns(ns), human_ns(ns / times) if times else "-"


def _quantiles(counts: SchedCounts) -> str:
    p50, p99 = quantile(counts.waits, 0.5), quantile(counts.waits, 0.99)
    if p50 is None or p99 is None:
        return ""
    return f"p50 {_short(p50)}, p99 {_short(p99)}"


def _short(ns: float) -> str:
    # Nobody waited: the CPU was free, and these are steps of the kernel's clock.
    return "<1us" if ns < 1000 else human_ns(ns)
