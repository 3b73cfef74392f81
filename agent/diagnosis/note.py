"""What a closer look saw at a container while something was wrong with it, to be kept. Immutable.

A Snapshot has counters alone: who used the CPU and what was printed last is not in it.
"""

from __future__ import annotations

from agent.diagnosis.finding import Evidence
from agent.lifecycle.totals import Identity
from agent.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What is to be added to one finding of one container."""

    at: float
    """Unix seconds of the look."""
    identity: Identity
    rule: str
    """A `RuleId` of the agent that wrote it."""
    evidence: tuple[Evidence, ...]
    """(): there was nothing to see."""
