"""Memory: killed for it, about to be, or busy taking its own pages back in.

What cannot be dropped decides. Page cache fills any limit and is given back for the asking: a
container at 99% of its limit of which most is cache is not in danger (mem_thrash says when the
giving back hurts).

Docs     https://docs.kernel.org/admin-guide/cgroup-v2.html#memory-interface-files
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from agent.cgroupfs.memory import MemoryStat
from agent.diagnosis.finding import Confidence, Evidence, Finding, Outcome, Severity
from agent.diagnosis.missing import not_possible
from agent.diagnosis.scene import Scene, Subject
from agent.kernelfile import Unlimited
from agent.model import Sample
from agent.units import human_duration, human_percent, human_size, plural
from agent.usage import Usage, working_set

RISK: Final = 0.90
"""Of the limit: working set."""
HARD: Final = 0.85
"""Of the limit: what cannot be dropped. Below it the kernel has cache to take first."""
IMMINENT: Final = 0.97
SOON: Final = 600.0
"""Seconds until the limit at the present slope."""
STALLED: Final = 0.10
"""Share of the time in which some task waited for memory."""
STALLED_BADLY: Final = 0.30
REFAULTS: Final = 10.0
"""Pages a second that were dropped and needed again."""
_LEAST_POINTS: Final = 5
_LEAST_SLOPE_SECONDS: Final = 4.0


def oom_killed(subject: Subject, scene: Scene) -> Outcome:
    """The OOM killer ended processes of it."""
    usage = subject.usage
    kills = usage.oom_kills
    if kills is None:
        return not_possible("oom_killed", usage, ("oom_kills",))
    if not kills:
        return None
    evidence = [
        Evidence(f"{plural(kills, 'OOM kill')} in {_time(usage, scene)}", "memory.events oom_kill")
    ]
    limited = _hit(subject)
    peak = usage.sample.reading.memory_peak
    if limited is not None:
        limit = limited.memory_limit
        assert limit is not None
        assert not isinstance(limit, Unlimited)
        whose = "its own limit" if limited is usage else f"the limit of {limited.cgroup.path}"
        evidence.append(Evidence(f"{whose} of {human_size(limit)} was hit", "memory.max"))
        advice = f"raise {whose}, or find what allocates"
    else:
        evidence.append(
            Evidence("no limit of a cgroup was hit: the host itself ran out", "memory.events max")
        )
        advice = "the host is out of memory: give containers limits, or move some away"
    if peak is not None:
        evidence.append(Evidence(f"at most {human_size(peak)} were used", "memory.peak"))
    slope = _slope(subject.samples)
    if slope is not None and slope > 0:
        evidence.append(
            Evidence(f"grows by {human_size(slope)} a second", "memory.current - inactive_file")
        )
    return Finding(
        rule="oom_killed",
        severity=Severity.CRITICAL,
        confidence=Confidence.HIGH if limited is not None else Confidence.MEDIUM,
        summary=f"OOM-killed {plural(kills, 'time')}",
        evidence=tuple(evidence),
        advice=(advice,),
        weight=1.0,
    )


def _hit(subject: Subject) -> Usage | None:
    """The nearest cgroup whose limit was reached in the time looked at."""
    for usage in (subject.usage, *subject.above):
        reading = usage.sample.reading
        limit = usage.memory_limit
        if limit is None or isinstance(limit, Unlimited):
            continue
        peak = reading.memory_peak
        local = reading.memory_events_local or reading.memory_events
        if (peak is not None and peak >= limit * IMMINENT) or (local is not None and local.max):
            return usage
    return None


def oom_risk(subject: Subject, _scene: Scene) -> Outcome:
    """Near its limit, with little the kernel could drop."""
    usage = subject.usage
    ratio, limit, memory = usage.memory_limit_ratio, usage.memory_limit, usage.memory_working_set
    if ratio is None or limit is None or isinstance(limit, Unlimited) or memory is None:
        return not_possible("oom_risk", usage, ("memory_working_set", "memory_limit"))
    slope = _slope(subject.samples)
    left = (limit - memory) / slope if slope is not None and slope > 0 else None
    soon = left is not None and left < SOON and ratio > 0.5
    if ratio < RISK and not soon:
        return None
    stat = usage.sample.reading.memory_stat
    hard = None if stat is None else _hard(stat)
    if hard is None:
        return not_possible("oom_risk", usage, ("memory_working_set",))
    if hard / limit < HARD and not soon:
        return None
    evidence = [
        Evidence(
            f"{human_size(memory)} of {human_size(limit)} = {human_percent(ratio)}% of the limit",
            "memory.current - inactive_file, memory.max",
        ),
        Evidence(
            f"{human_size(hard)} of it cannot be dropped (anonymous, shared and kernel memory)",
            "memory.stat anon, shmem, kernel",
        ),
    ]
    if left is not None and slope is not None:
        evidence.append(
            Evidence(
                f"grows by {human_size(slope)} a second: the limit is {human_duration(left)} away",
                "memory.current - inactive_file",
            )
        )
    summary = f"{human_percent(ratio)}% of memory limit"
    if soon and left is not None:
        summary += f", full in {human_duration(left)}"
    return Finding(
        rule="oom_risk",
        severity=Severity.CRITICAL if soon or ratio > IMMINENT else Severity.WARNING,
        confidence=Confidence.HIGH if soon or ratio > IMMINENT else Confidence.MEDIUM,
        summary=summary,
        evidence=tuple(evidence),
        advice=("raise the memory limit, or make it use less before the OOM killer does",),
        weight=ratio,
    )


def mem_thrash(subject: Subject, _scene: Scene) -> Outcome:
    """It waits for pages it had and lost: the limit is too small for what it works with."""
    usage = subject.usage
    stalled = usage.memory_pressure_some
    if stalled is None:
        return not_possible("mem_thrash", usage, ("memory_pressure_some",))
    if stalled < STALLED:
        return None
    refaults = _rate(subject, _refaults)
    faults = _rate(subject, _major_faults)
    evidence = [
        Evidence(
            f"some task waited for memory {human_percent(stalled)}% of the time",
            "memory.pressure some",
        )
    ]
    if usage.memory_pressure_full is not None:
        evidence.append(
            Evidence(
                f"all of them did {human_percent(usage.memory_pressure_full)}% of the time",
                "memory.pressure full",
            )
        )
    if refaults is not None:
        evidence.append(
            Evidence(
                f"{refaults:.0f} pages a second were dropped and needed again",
                "memory.stat workingset_refault_anon, workingset_refault_file",
            )
        )
    if faults is not None:
        evidence.append(
            Evidence(f"{faults:.0f} page faults a second read from disk", "memory.stat pgmajfault")
        )
    near = (usage.memory_limit_ratio or 0.0) > 0.7
    sure = near and (refaults or 0.0) > REFAULTS
    return Finding(
        rule="mem_thrash",
        severity=Severity.CRITICAL if stalled > STALLED_BADLY else Severity.WARNING,
        confidence=Confidence.HIGH if sure else Confidence.MEDIUM,
        summary=f"waits for memory {human_percent(stalled)}% of the time",
        evidence=tuple(evidence),
        advice=(
            "its limit is too small for what it works with: raise it; this is not a leak"
            if near
            else "the host or a cgroup above is short of memory: see the other containers",
        ),
        weight=stalled,
    )


def _hard(stat: MemoryStat) -> int | None:
    """Bytes only freeing or swapping gets rid of: at least, where a kernel does not tell all."""
    if stat.anon is None:
        return None
    return stat.anon + (stat.shmem or 0) + max((stat.kernel or 0) - (stat.slab_reclaimable or 0), 0)


def _slope(samples: Sequence[Sample]) -> float | None:
    """Bytes a second the working set grows: least squares. None: too few points."""
    points = [
        (sample.read_at, float(size))
        for sample in samples
        if (size := working_set(sample.reading)) is not None
    ]
    if len(points) < _LEAST_POINTS or points[-1][0] - points[0][0] < _LEAST_SLOPE_SECONDS:
        return None
    mean_at = sum(at for at, _ in points) / len(points)
    mean = sum(size for _, size in points) / len(points)
    spread = sum((at - mean_at) ** 2 for at, _ in points)
    if not spread:
        return None
    slope = sum((at - mean_at) * (size - mean) for at, size in points) / spread
    # A slope that explains little of what happens is noise: compare it with the scatter.
    off = sum((size - mean - slope * (at - mean_at)) ** 2 for at, size in points)
    total = sum((size - mean) ** 2 for _, size in points)
    return slope if total and off / total < 0.5 else None


def _rate(subject: Subject, counter: Callable[[MemoryStat], int | None]) -> float | None:
    window = subject.usage.window
    before, after = subject.first.reading.memory_stat, subject.usage.sample.reading.memory_stat
    if not window or before is None or after is None:
        return None
    then, now = counter(before), counter(after)
    if then is None or now is None or now < then:
        return None
    return (now - then) / window


def _refaults(stat: MemoryStat) -> int | None:
    parts = (stat.workingset_refault_anon, stat.workingset_refault_file)
    known = [part for part in parts if part is not None]
    return sum(known) if known else None


def _major_faults(stat: MemoryStat) -> int | None:
    return stat.pgmajfault


def _time(usage: Usage, scene: Scene) -> str:
    return human_duration(usage.window or scene.seconds)
