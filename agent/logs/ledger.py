"""One container's account: its counters, and a sentence for each loss."""

from __future__ import annotations

from agent.logs.faults import FaultLog
from agent.logs.stats import Cause, ContainerCounters
from agent.records import dataclass


@dataclass(frozen=True, slots=True)
class Ledger:
    """Where a container's losses are counted and said."""

    counters: ContainerCounters
    faults: FaultLog

    def lose(self, cause: Cause, sentence: str, *, lost_bytes: int = 0, lines: int = 0) -> None:
        """Count one loss and say it."""
        self.counters.lose(cause, lost_bytes=lost_bytes, lines=lines)
        self.faults.report(
            "error",
            f"{cause} {self.counters.path}",
            sentence,
            path=self.counters.path,
            cause=cause,
            bytes=lost_bytes,
            lines=lines,
        )
