"""How much trouble a container is in, as one number to sort by. Pure.

    worst finding     100 a notice, 200 a warning, 300 critical, and up to 99 more by its weight
    pressure          up to 50: the worst of CPU, memory and I/O, share of the time some task
                      waited, from 5% on
    limit             up to 40: the nearer CPU or memory is to its own limit, from 50% on
    use               up to 9: its share of the host's CPU, so that among the quiet the busiest
                      comes first

A finding always weighs more than all the rest, and a worse one more than a lesser one: the order
is that of `agent why`, continued to containers nothing is wrong with. CPU pressure of a throttled
container is its limit's doing and not added once more (KEP-4205). What is not known adds nothing.
Without a finding the score is whole, so that idle containers are equal and keep their places.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from agent.diagnosis.finding import Finding
from agent.usage import HostUsage, Usage

SEVERITY: Final = 100.0
WEIGHT: Final = 99.0
PRESSURE: Final = 50.0
LIMIT: Final = 40.0
USE: Final = 9.0
_FELT: Final = 0.05
"""Share of the time from which on waiting counts: everybody waits a little."""
_NEAR: Final = 0.5
"""Share of a limit from which on it counts."""


def trouble(findings: Sequence[Finding], usage: Usage | None, host: HostUsage | None) -> float:
    """The score, 0 to 399; `findings` in any order."""
    if findings:
        return max(
            SEVERITY * finding.severity + WEIGHT * min(max(finding.weight, 0.0), 1.0)
            for finding in findings
        )
    if usage is None:
        return 0.0
    return float(round(_pressure(usage) + _limit(usage) + _use(usage, host)))


def _pressure(usage: Usage) -> float:
    waits = [usage.memory_pressure_some, usage.io_pressure_some]
    if not usage.throttled_ratio:
        waits.append(usage.cpu_pressure_some)
    worst = max((wait for wait in waits if wait is not None), default=0.0)
    return PRESSURE * min(max((worst - _FELT) / (1 - _FELT), 0.0), 1.0)


def _limit(usage: Usage) -> float:
    shares = (usage.cpu_limit_ratio, usage.memory_limit_ratio)
    nearest = max((share for share in shares if share is not None), default=0.0)
    return LIMIT * min(max((nearest - _NEAR) / (1 - _NEAR), 0.0), 1.0)


def _use(usage: Usage, host: HostUsage | None) -> float:
    if usage.cpu_cores is None or host is None or not host.cores:
        return 0.0
    return USE * min(usage.cpu_cores / host.cores, 1.0)
