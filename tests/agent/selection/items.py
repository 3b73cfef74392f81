"""Items built by hand for the filter's and the fields' tests."""

from __future__ import annotations

from collections.abc import Sequence

from agent.cgroupfs.cpu import CpuMax
from agent.cgroupfs.reading import CgroupReading
from agent.container.container import Container
from agent.diagnosis.finding import Confidence, Finding, Severity
from agent.kernelfile import UNLIMITED, Limit
from agent.selection.item import Item
from agent.usage import host_usage, usages
from tests.agent.snapshots import MIB, docker, reading, sample, snapshot


def finding(
    summary: str = "throttled 64% of periods", severity: Severity = Severity.CRITICAL
) -> Finding:
    return Finding(
        rule="cpu_throttled",
        severity=severity,
        confidence=Confidence.HIGH,
        summary=summary,
        evidence=(),
        advice=(),
        weight=0.64,
    )


def item(
    name: str = "web",
    *,
    cores: float = 0.5,
    memory: int = 100 * MIB,
    memory_max: Limit | None = UNLIMITED,
    cpu_max: CpuMax | None = None,
    container: Container | None = None,
    findings: Sequence[Finding] = (),
    read: CgroupReading | None = None,
) -> Item:
    """A container that used `cores` over a second."""
    of_whom = container if container is not None else docker(name)
    before, after = (
        snapshot(
            sample(
                read
                if read is not None
                else reading(
                    usage_usec=round(cores * 1_000_000) * tick,
                    memory=memory,
                    memory_max=memory_max,
                    cpu_max=cpu_max,
                ),
                path=f"/docker/{name}",
                container=of_whom,
                at=float(tick),
            ),
            at=float(tick),
        )
        for tick in (0, 1)
    )
    (usage,) = usages(before, after)
    return Item(
        cgroup=usage.cgroup,
        container=of_whom,
        usage=usage,
        host=host_usage(before, after),
        wall_time=after.wall_time,
        findings=tuple(findings),
    )
