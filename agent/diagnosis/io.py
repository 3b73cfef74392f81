"""Block I/O: tasks that wait for disks, and who else is writing.

Docs     https://docs.kernel.org/accounting/psi.html, cgroup-v2.html#io-interface-files
"""

from __future__ import annotations

from typing import Final

from agent.diagnosis.finding import Confidence, Evidence, Finding, Outcome, Severity
from agent.diagnosis.missing import not_possible
from agent.diagnosis.names import name_of
from agent.diagnosis.scene import Scene, Subject
from agent.units import human_percent, human_rate
from agent.usage import Usage

STALLED: Final = 0.20
"""Share of the time in which some task waited for I/O."""
STALLED_BADLY: Final = 0.50
HEAVY: Final = 1024 * 1024
"""Bytes a second, read and written."""
MOST: Final = 0.5
"""Of what all containers read and write."""
_NAMED: Final = 3


def io_stall(subject: Subject, scene: Scene) -> Outcome:
    """Its tasks wait for block I/O."""
    usage = subject.usage
    stalled = usage.io_pressure_some
    if stalled is None:
        return not_possible("io_stall", usage, ("io_pressure_some",))
    if stalled < STALLED:
        return None
    evidence = [
        Evidence(
            f"some task waited for I/O {human_percent(stalled)}% of the time", "io.pressure some"
        )
    ]
    if usage.io_pressure_full is not None:
        evidence.append(
            Evidence(
                f"all of them did {human_percent(usage.io_pressure_full)}% of the time",
                "io.pressure full",
            )
        )
    own = _traffic(usage)
    if said := [f"{verb} {human_rate(rate)}B/s" for verb, rate in _said(usage)]:
        evidence.append(Evidence(", ".join(said), "io.stat rbytes, wbytes"))
    others = sorted(
        (
            (traffic, other)
            for other in scene.subjects
            if other is not subject and (traffic := _traffic(other.usage))
        ),
        key=lambda pair: -pair[0],
    )
    louder = [(traffic, other) for traffic, other in others[:_NAMED] if traffic > (own or 0.0)]
    if louder:
        named = ", ".join(f"{name_of(o.container)} {human_rate(t)}B/s" for t, o in louder)
        evidence.append(Evidence(f"doing more I/O: {named}", "io.stat rbytes, wbytes"))
        advice = f"limit the I/O of {name_of(louder[0][1].container)} (io.max), or part their disks"
    else:
        advice = "it waits for its own I/O: a faster disk, fewer or larger requests, or more cache"
    thrashing = (usage.memory_pressure_some or 0.0) > 0.1
    if thrashing:
        evidence.append(
            Evidence(
                f"waited for memory {human_percent(usage.memory_pressure_some or 0.0)}% as well:"
                " pages that were dropped are read again",
                "memory.pressure some",
            )
        )
    return Finding(
        rule="io_stall",
        severity=Severity.CRITICAL if stalled > STALLED_BADLY else Severity.WARNING,
        confidence=Confidence.LOW if thrashing else Confidence.HIGH,
        summary=f"waits for I/O {human_percent(stalled)}% of the time"
        + (f", {name_of(louder[0][1].container)} is louder" if louder else ""),
        evidence=tuple(evidence),
        advice=(advice,),
        weight=stalled,
    )


def io_heavy(subject: Subject, scene: Scene) -> Outcome:
    """It does most of the I/O there is: nothing is broken, and one knows who it is."""
    own = _traffic(subject.usage)
    if own is None:
        return not_possible(
            "io_heavy", subject.usage, ("read_bytes_per_second", "write_bytes_per_second")
        )
    if own < HEAVY:
        return None  # before the sum over all, which is made for each of them
    everybody = sum(_traffic(each.usage) or 0.0 for each in scene.subjects)
    if own < MOST * everybody:
        return None
    said = _said(subject.usage)
    verb, most = max(said, key=lambda pair: pair[1])
    return Finding(
        rule="io_heavy",
        severity=Severity.NOTICE,
        confidence=Confidence.HIGH,
        summary=f"{verb} {human_rate(most)}B/s",
        evidence=(
            Evidence(
                ", ".join(f"{verb} {human_rate(rate)}B/s" for verb, rate in said)
                + f": {human_percent(own / everybody)}% of what all containers do",
                "io.stat rbytes, wbytes",
            ),
        ),
        advice=("where others wait for disks, limit this one (io.max), or part their disks",),
        weight=0.1,
    )


def _said(usage: Usage) -> list[tuple[str, float]]:
    """What it reads and writes a second; what is not told is left out, and not told as 0."""
    rates = (("reads", usage.read_bytes_per_second), ("writes", usage.write_bytes_per_second))
    return [(verb, rate) for verb, rate in rates if rate is not None]


def _traffic(usage: Usage) -> float | None:
    said = _said(usage)
    return sum(rate for _, rate in said) if said else None
