"""What a diagnosis says: nouns only. Immutable, no I/O."""

from __future__ import annotations

import enum
from typing import Literal

from agent.records import NamedTuple, dataclass

RuleId = Literal[
    "oom_killed",
    "oom_risk",
    "mem_thrash",
    "cpu_throttled",
    "cpu_starved",
    "cpu_hog",
    "cpu_over_request",
    "io_stall",
    "io_heavy",
    "net_drops",
    "pids_limit",
    "fd_limit",
    "crash_loop",
    "disk_full",
    "log_flood",
    "health",
]
"""Stable: in JSON, in the series `agent_finding` and in alerts."""


class Severity(enum.IntEnum):
    """How bad it is. Ordered."""

    NOTICE = 1
    """Explains something, breaks nothing."""
    WARNING = 2
    CRITICAL = 3

    @property
    def word(self) -> str:
        """As JSON and the series have it."""
        return self.name.lower()


class Confidence(enum.Enum):
    """How sure the rule is of the cause, not of the numbers."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Evidence(NamedTuple):
    """One fact."""

    says: str
    """With its numbers and units."""
    source: str
    """The files and keys it was read from: "cpu.stat nr_throttled, nr_periods"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong with one container."""

    rule: RuleId
    severity: Severity
    confidence: Confidence
    summary: str
    """The short form, for a column: "throttled 64% of periods"."""
    evidence: tuple[Evidence, ...]
    advice: tuple[str, ...]
    """What to do, the likeliest first."""
    weight: float = 0.0
    """Among findings of one severity the heavier comes first: 0 to 1."""


@dataclass(frozen=True, slots=True)
class NotPossible:
    """A check that could not be made."""

    rule: RuleId
    reason: str
    """What is missing."""
    remedy: str
    """How to enable it; "" where there is no way."""


Outcome = Finding | NotPossible | None
"""None: nothing unusual."""
