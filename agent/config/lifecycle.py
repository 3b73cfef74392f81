"""[lifecycle] How long what ended is remembered."""

from __future__ import annotations

from agent.records import dataclass


@dataclass(frozen=True, slots=True)
class LifecycleConfig:
    """[lifecycle] Starts, ends and health of containers, and the totals of those that ended."""

    enabled: bool = True
    realtime: bool = True
    """Let the thread that reads a container's last counters go before others (SCHED_FIFO): they are
    gone within milliseconds. Needs CAP_SYS_NICE, does without where it has none."""
    identities: int = 2000
    """Containers by name whose totals are kept at most: eleven series each on the page."""
    keep_hours: float = 2.0
    """How long those of one that ended are kept: long enough for any scrape to see them."""

    def __post_init__(self) -> None:
        if self.identities < 1:
            raise ValueError(f"identities = {self.identities}: must be at least 1")
        if self.keep_hours <= 0:
            raise ValueError(f"keep_hours = {self.keep_hours}: must be above 0")
