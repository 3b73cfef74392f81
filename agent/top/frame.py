"""Everything one drawing shows that is not the viewer's choice: facts, made once a tick."""

from __future__ import annotations

from dataclasses import dataclass

from agent.model import Snapshot, SourceHealth
from agent.usage import HostUsage, Usage, host_usage, usages


@dataclass(frozen=True, slots=True)
class OwnCost:
    """What this program itself uses."""

    cpu_cores: float | None
    """None until it has run for a while."""
    memory: int | None
    """Resident bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One tick, ready to be drawn or printed."""

    hostname: str
    clock: str
    """Local time of day."""
    wall_time: float
    """Unix seconds: what ages are counted to."""
    delay: float
    """Seconds between ticks."""
    usages: tuple[Usage, ...]
    host: HostUsage
    health: tuple[SourceHealth, ...]
    own: OwnCost


def make_frame(
    before: Snapshot | None,
    after: Snapshot,
    *,
    hostname: str,
    clock: str,
    delay: float,
    own: OwnCost,
) -> Frame:
    """The Frame of `after`, with rates since `before`."""
    return Frame(
        hostname=hostname,
        clock=clock,
        wall_time=after.wall_time,
        delay=delay,
        usages=usages(before, after),
        host=host_usage(before, after),
        health=after.health,
        own=own,
    )
