"""The trouble score."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agent.cgroupfs.cpu import CpuMax
from agent.diagnosis.finding import Confidence, Finding, Severity
from agent.diagnosis.trouble import trouble
from agent.usage import HostUsage, Usage, host_usage, usages
from tests.agent.snapshots import MIB, reading, sample, snapshot

TWO = CpuMax(200_000, 100_000)


def finding(severity: Severity, weight: float) -> Finding:
    return Finding(
        rule="oom_risk",
        severity=severity,
        confidence=Confidence.HIGH,
        summary="",
        evidence=(),
        advice=(),
        weight=weight,
    )


def used(
    cores: float = 0.0,
    *,
    stalls: tuple[float, float, float] = (0.0, 0.0, 0.0),
    memory: int = 0,
    throttled: int = 0,
) -> tuple[Usage, HostUsage]:
    """A second of a container limited to 2 cores and 100 MiB, on 16 cores."""
    before, after = (
        snapshot(
            sample(
                reading(
                    usage_usec=round(cores * 1e6) * tick,
                    periods=10 * tick,
                    throttled=throttled * tick,
                    cpu_max=TWO,
                    memory=memory,
                    memory_max=100 * MIB,
                    stalls=(
                        round(stalls[0] * 1e6) * tick,
                        round(stalls[1] * 1e6) * tick,
                        round(stalls[2] * 1e6) * tick,
                    ),
                ),
                at=float(tick),
            ),
            at=float(tick),
        )
        for tick in (0, 1)
    )
    (usage,) = usages(before, after)
    return usage, host_usage(before, after)


def test_a_worse_finding_counts_more_and_any_more_than_none() -> None:
    scores = [
        trouble((), *used(2.0, stalls=(1, 1, 1), memory=100 * MIB)),
        trouble((finding(Severity.NOTICE, 0.0),), *used()),
        trouble((finding(Severity.NOTICE, 1.0),), *used()),
        trouble((finding(Severity.WARNING, 0.0),), *used()),
        trouble((finding(Severity.WARNING, 0.5), finding(Severity.CRITICAL, 0.0)), *used()),
    ]
    assert scores == sorted(scores)
    assert len(set(scores)) == len(scores)


def test_pressure_then_limits_then_use() -> None:
    assert trouble((), *used(stalls=(0, 1, 0))) == 50.0
    assert trouble((), *used(stalls=(0, 0.5, 0))) == 24.0
    assert trouble((), *used(memory=75 * MIB)) == 20.0
    assert trouble((), *used(memory=50 * MIB)) == 0.0
    assert trouble((), *used(8.0)) > trouble((), *used(3.2)) > 0


def test_idle_containers_are_equal() -> None:
    assert trouble((), *used(0.01, stalls=(0.04, 0, 0.02))) == trouble((), *used()) == 0.0


def test_cpu_pressure_of_a_throttled_container_is_not_the_hosts_and_not_counted() -> None:
    assert trouble((), *used(stalls=(0.5, 0, 0))) == 24.0
    assert trouble((), *used(stalls=(0.5, 0, 0), throttled=5)) == 0.0


def test_what_has_ended_is_in_no_trouble_but_its_finding() -> None:
    assert trouble((), None, None) == 0.0
    assert trouble((finding(Severity.CRITICAL, 0.9),), None, None) > 300


ratios = st.floats(0, 3)


@given(ratios, st.tuples(ratios, ratios, ratios), st.integers(0, 200 * MIB))
def test_without_a_finding_it_stays_below_one_with(
    cores: float, stalls: tuple[float, float, float], memory: int
) -> None:
    assert 0 <= trouble((), *used(cores, stalls=stalls, memory=memory)) < 100
