"""CPU: stopped by its own limit, or waiting for a busy machine; and who keeps it busy.

The PSI trap (KEP-4205): tasks stopped by their own limit count as waiting for CPU, in the pressure
of their cgroup and of the whole machine. So pressure alone never says "the node is busy": the host
must have no idle CPU, and the container must not have been throttled.

Kernel   Documentation/scheduler/sched-bwc.rst (throttling), Documentation/accounting/psi.rst
"""

from __future__ import annotations

from typing import Final

from agent.diagnosis.finding import Confidence, Evidence, Finding, Outcome, Severity
from agent.diagnosis.missing import not_possible
from agent.diagnosis.names import name_of
from agent.diagnosis.scene import Scene, Subject
from agent.kernelfile import Unlimited
from agent.records import NamedTuple
from agent.units import human_cores, human_percent
from agent.usage import Usage

THROTTLED_PERIODS: Final = 0.05
"""Of all periods in which it ran."""
THROTTLED_SECONDS: Final = 0.05
"""Seconds a second, over all CPUs: less is not felt."""
THROTTLED_BADLY: Final = 0.25
STARVED: Final = 0.20
"""Share of the time in which some task waited for a CPU."""
STARVED_BADLY: Final = 0.60
HOST_BUSY: Final = 0.90
LEAST_TAKER: Final = 0.1
"""Cores. Who uses less keeps nobody waiting."""
HOG: Final = 0.40
"""Share of the machine's CPU."""
OVER_REQUEST: Final = 1.2
"""Times what it asked for."""


def cpu_throttled(subject: Subject, scene: Scene) -> Outcome:
    """The quota of its own cgroup, or of one above, stops it."""
    for usage in (subject.usage, *subject.above):
        if _is_throttled(usage) and (usage is subject.usage or _feels(subject.usage)):
            return _throttled(subject, scene, usage)
    return not_possible(
        "cpu_throttled", subject.usage, ("throttled_ratio", "throttled_seconds_per_second")
    )


def _is_throttled(usage: Usage) -> bool:
    ratio, stalled = usage.throttled_ratio, usage.throttled_seconds_per_second
    return (
        ratio is not None
        and stalled is not None
        and ratio > THROTTLED_PERIODS
        and stalled > THROTTLED_SECONDS
    )


def _feels(usage: Usage) -> bool:
    """A container in a throttled pod that hardly runs is not the one that suffers."""
    return (usage.cpu_pressure_some or 0.0) > THROTTLED_SECONDS


def _throttled(subject: Subject, scene: Scene, limited: Usage) -> Finding:
    ratio = limited.throttled_ratio or 0.0
    stalled = limited.throttled_seconds_per_second or 0.0
    own = limited is subject.usage
    whose = "" if own else f" of {limited.cgroup.path}"
    evidence = [
        Evidence(
            f"{human_percent(ratio)}% of CFS periods throttled{whose},"
            f" {stalled:.2f} s of CPU time withheld a second",
            "cpu.stat nr_throttled, nr_periods, throttled_usec",
        )
    ]
    share = limited.cpu_limit_ratio
    if share is not None and limited.cpu_cores is not None:
        limit = limited.cpu_limit_cores
        assert limit is not None
        assert not isinstance(limit, Unlimited)
        evidence.append(
            Evidence(
                f"used {human_cores(limited.cpu_cores)} of {human_cores(limit)} cores"
                f" = {human_percent(share)}% of the limit{whose}",
                "cpu.stat usage_usec, cpu.max",
            )
        )
    bursty = share is not None and share < 0.5
    idle = scene.idle_cores
    if idle is not None:
        busy = idle < scene.host.cores * (1 - HOST_BUSY)
        meaning = "the host is busy as well" if busy else "not a busy host"
        evidence.append(
            Evidence(f"the host has {human_cores(idle)} idle cores: {meaning}", "/proc/stat")
        )
    advice = (
        "its average use is far below the limit: it runs in bursts of many threads; cap the thread"
        " pool to the limit (GOMAXPROCS, -XX:ActiveProcessorCount), or drop the limit"
        if bursty
        else "raise or drop the CPU limit, or give it less to do"
    )
    return Finding(
        rule="cpu_throttled",
        severity=Severity.CRITICAL if ratio > THROTTLED_BADLY else Severity.WARNING,
        confidence=Confidence.HIGH if own else Confidence.MEDIUM,
        summary=f"throttled {human_percent(ratio)}% of periods" + ("" if own else " by its pod"),
        evidence=tuple(evidence),
        advice=(
            advice,
            f"all threads share the limit: do not size pools by the host's {scene.host.cores} CPUs",
        ),
        weight=ratio,
    )


def cpu_starved(subject: Subject, scene: Scene) -> Outcome:
    """It waits for a CPU, and no limit of its own is why."""
    usage = subject.usage
    waited = usage.cpu_pressure_some
    if waited is None:
        return not_possible("cpu_starved", usage, ("cpu_pressure_some",))
    throttled = max(
        (u.throttled_seconds_per_second or 0.0 for u in (usage, *subject.above)), default=0.0
    )
    if waited < STARVED or throttled > THROTTLED_SECONDS:
        return None
    evidence = [
        Evidence(
            f"some task waited for a CPU {human_percent(waited)}% of the time", "cpu.pressure some"
        ),
        Evidence(
            f"its limit withheld {throttled:.2f} s of CPU time a second"
            if throttled
            else "no limit held it back",
            "cpu.stat throttled_usec",
        ),
    ]
    allowed = usage.sample.reading.cpuset_cpus
    pinned = allowed is not None and allowed < scene.host.cores
    busy = scene.host.cpu_ratio
    if not pinned:
        if busy is None or busy < HOST_BUSY:
            # Its own threads wait for each other's CPU, at a moment; the machine has room.
            return None
        evidence.append(Evidence(f"the host's CPUs are {human_percent(busy)}% busy", "/proc/stat"))
    elif _wanted(usage, allowed) < HOST_BUSY and (busy or 0.0) < HOST_BUSY:
        return None
    else:
        evidence.append(
            Evidence(f"it may use {allowed} of {scene.host.cores} CPUs", "cpuset.cpus.effective")
        )
    advice = []
    taker = _taker(subject, scene, pinned=pinned)
    if taker is not None:
        evidence.append(taker.evidence)
        advice.append(taker.advice)
    elif not pinned:
        evidence.append(Evidence("no other container uses much", "cpu.stat usage_usec"))
    if pinned:
        advice.insert(0, "let it use more CPUs (cpuset, --cpuset-cpus)")
    weight = usage.sample.reading.cpu_weight
    if weight is not None:
        evidence.append(Evidence(f"its weight is {weight}, the default is 100", "cpu.weight"))
    advice.append("give this one a larger weight, or move it to a host with idle CPUs")
    return Finding(
        rule="cpu_starved",
        severity=Severity.CRITICAL if waited > STARVED_BADLY else Severity.WARNING,
        confidence=Confidence.MEDIUM if pinned or taker is None else Confidence.HIGH,
        summary=f"waits for CPU {human_percent(waited)}% of the time"
        + ("" if pinned or taker is None else f", {taker.has_it}"),
        evidence=tuple(evidence),
        advice=tuple(advice),
        weight=waited,
    )


class _Taker(NamedTuple):
    """Who has the CPU that another waits for."""

    has_it: str
    evidence: Evidence
    advice: str


def _taker(subject: Subject, scene: Scene, *, pinned: bool) -> _Taker | None:
    """
    Another container, or what runs in none. None: nobody uses much.

    Of one that is pinned to few CPUs it is not known what uses just these.
    """
    top = busiest(scene, other_than=subject)
    cores = 0.0 if top is None else top.usage.cpu_cores or 0.0
    outside = 0.0 if pinned else scene.cores_outside or 0.0
    if outside >= LEAST_TAKER and outside > cores:
        return _Taker(
            "processes in no container have it",
            Evidence(
                f"processes in no container use {human_cores(outside)} cores, the most of all",
                "/proc/stat less cpu.stat usage_usec",
            ),
            "see which they are (ps -eo pcpu,pid,comm --sort=-pcpu), and give them less",
        )
    if top is None:
        return None
    who = name_of(top.container)
    return _Taker(
        f"{who} has it",
        Evidence(
            f"{who} uses {human_cores(cores)} cores, the most of all others", "cpu.stat usage_usec"
        ),
        f"limit {who}, or give it a smaller weight (cpu.weight, CPU request)",
    )


def _wanted(usage: Usage, allowed: int | None) -> float:
    """Of the CPUs it is pinned to: the share it had, and the time it waited for more."""
    had = (usage.cpu_cores or 0.0) / allowed if allowed else 0.0
    return had + (usage.cpu_pressure_some or 0.0)


def cpu_hog(subject: Subject, scene: Scene) -> Outcome:
    """It takes much of a busy machine while others wait: the noisy neighbour, by its name."""
    cores, busy = subject.usage.cpu_cores, scene.host.cpu_ratio
    if cores is None or busy is None:
        return not_possible("cpu_hog", subject.usage, ("cpu_cores",))
    share = cores / scene.host.cores
    if busy < HOST_BUSY or share < HOG:
        return None
    waiting = [
        other
        for other in scene.subjects
        if other is not subject
        and (other.usage.cpu_pressure_some or 0.0) > STARVED
        and (other.usage.throttled_seconds_per_second or 0.0) <= THROTTLED_SECONDS
    ]
    if not waiting:
        return None
    waiting.sort(key=lambda other: -(other.usage.cpu_pressure_some or 0.0))
    names = ", ".join(name_of(other.container) for other in waiting[:3])
    limit = subject.usage.cpu_limit_cores
    unlimited = isinstance(limit, Unlimited)
    return Finding(
        rule="cpu_hog",
        severity=Severity.WARNING,
        confidence=Confidence.MEDIUM,
        summary=f"uses {human_percent(share)}% of the host's CPU"
        + (", no limit" if unlimited else ""),
        evidence=(
            Evidence(
                f"uses {human_cores(cores)} of {scene.host.cores} cores", "cpu.stat usage_usec"
            ),
            Evidence(f"the host's CPUs are {human_percent(busy)}% busy", "/proc/stat"),
            Evidence(f"waiting meanwhile: {names}", "cpu.pressure some"),
        ),
        advice=("give it a CPU limit, or a smaller weight (cpu.weight, CPU request)",),
        weight=share,
    )


def cpu_over_request(subject: Subject, scene: Scene) -> Outcome:
    """On a busy node it lives on CPU it did not ask for: others may take that back."""
    requests = subject.container.requests
    asked = None if requests is None else requests.cpu
    if not asked:
        return None
    cores, busy = subject.usage.cpu_cores, scene.host.cpu_ratio
    if cores is None or busy is None:
        return not_possible("cpu_over_request", subject.usage, ("cpu_cores",))
    if busy < HOST_BUSY or cores < asked * OVER_REQUEST:
        return None
    waited = subject.usage.cpu_pressure_some
    suffers = waited is not None and waited > STARVED
    evidence = [
        Evidence(
            f"uses {human_cores(cores)} cores = {human_percent(cores / asked)}% of its request"
            f" of {human_cores(asked)}",
            "cpu.stat usage_usec, resources.requests.cpu",
        ),
        Evidence(f"the host's CPUs are {human_percent(busy)}% busy", "/proc/stat"),
    ]
    if waited is not None:
        evidence.append(
            Evidence(
                f"some task waited for a CPU {human_percent(waited)}% of the time",
                "cpu.pressure some",
            )
        )
    return Finding(
        rule="cpu_over_request",
        severity=Severity.WARNING if suffers else Severity.NOTICE,
        confidence=Confidence.MEDIUM,
        summary=f"uses {human_cores(cores)} cores, requests {human_cores(asked)}",
        evidence=tuple(evidence),
        advice=(
            "raise its CPU request to what it uses: the scheduler then keeps that free for it",
        ),
        weight=min(cores / scene.host.cores, 1.0),
    )


def busiest(scene: Scene, other_than: Subject) -> Subject | None:
    """Who else uses the most CPU. None: nobody uses enough to be why others wait."""
    return max(
        (
            s
            for s in scene.subjects
            if s is not other_than and (s.usage.cpu_cores or 0.0) >= LEAST_TAKER
        ),
        key=lambda s: s.usage.cpu_cores or 0.0,
        default=None,
    )
