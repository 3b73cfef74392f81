"""Frames for `agent top` of all hosts a Prometheus scrapes: one table, each host judged by itself.

    source = FleetSource(prometheus, 'cluster="a"')
    frame = FleetMaker(10.0).next(source.snapshot())

Rates are over the last two scrapes that were seen; a host that was not scraped lately is not in the
table, and that is said.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from agent.fleet.hosts import look
from agent.fleet.prometheus import Prometheus
from agent.model import Snapshot, SourceHealth
from agent.past import Past, same_run
from agent.records import replace
from agent.selection.item import Trend
from agent.top.cost import CostMeter
from agent.top.frame import Frame, Judgement, judge, make_frame
from agent.top.trend import STEPS, Trends, trends_of
from agent.units import plural
from agent.usage import HostUsage

LEAST_DELAY: Final = 5.0
"""Seconds between two looks: hosts are hardly scraped more often."""
_BEFORE: Final = (60.0, 45.0, 30.0, 15.0)
"""Seconds before the first look that are asked for with it, so that there are rates at once."""
_KEPT: Final = STEPS + 1

Hosts = Mapping[str, Sequence[Snapshot]]
"""Host → its Snapshots of different scrapes, oldest first."""


class FleetSource:
    """Asks for all hosts, and keeps the last scrapes of each."""

    def __init__(
        self, prometheus: Prometheus, matchers: str, clock: Callable[[], float] = time.time
    ) -> None:
        self._prometheus = prometheus
        self._matchers = matchers
        self._clock = clock
        self._kept: dict[str, deque[Snapshot]] = {}

    def snapshot(self) -> Hosts:
        """Raises CannotAsk."""
        now = self._clock()
        moments = [now] if self._kept else [*(now - before for before in _BEFORE), now]
        for host, taken in look(self._prometheus, moments, self._matchers).items():
            kept = self._kept.setdefault(host, deque(maxlen=_KEPT))
            for snapshot in taken:
                if kept and not same_run(kept[-1], snapshot):
                    kept.clear()
                if kept and kept[-1].taken_at == snapshot.taken_at:
                    kept.pop()
                kept.append(snapshot)
        return {host: tuple(kept) for host, kept in sorted(self._kept.items())}


class FleetMaker:
    """Makes one Frame of all hosts."""

    def __init__(self, delay: float, clock: Callable[[], float] = time.time) -> None:
        self._delay = delay
        self._clock = clock
        self._cost = CostMeter()

    def next(self, after: Hosts) -> Frame:
        """The Frame of now."""
        now = self._clock()
        newest = max((taken[-1].wall_time for taken in after.values()), default=now)
        live = {host: taken for host, taken in after.items() if taken[-1].wall_time == newest}
        frames = {host: _frame(host, taken, self._delay) for host, taken in live.items()}
        gone = tuple(
            SourceHealth(host, 0.0, 1, f"not scraped for {newest - taken[-1].wall_time:.0f} s")
            for host, taken in after.items()
            if host not in live
        )
        judgements = {
            host: frame.judgement for host, frame in frames.items() if frame.judgement is not None
        }
        return Frame(
            hostname=plural(len(frames), "host"),
            clock=time.strftime("%H:%M:%S", time.localtime(now)),
            wall_time=now,
            delay=self._delay,
            window=max((f.window for f in frames.values() if f.window is not None), default=None),
            items=tuple(
                replace(item, on=host) for host, frame in frames.items() for item in frame.items
            ),
            host=_together([frame.host for frame in frames.values()]),
            host_trend=_trend(list(frames.values())),
            health=gone,
            own=self._cost.read(),
            judgement=None,
            judgements=judgements,
        )

    def at(self, _past: Past, _moment: float, /) -> Frame | None:
        """None: Prometheus keeps the past, and `agent why --prometheus` looks at it."""
        return None


def _frame(host: str, taken: Sequence[Snapshot], delay: float) -> Frame:
    judgement: Judgement | None = judge(taken) if len(taken) > 1 else None
    trends: Trends = trends_of(taken)
    return make_frame(
        taken[-2] if len(taken) > 1 else None,
        taken[-1],
        hostname=host,
        delay=delay,
        judgement=judgement,
        trends=trends,
    )


def _together(hosts: Sequence[HostUsage]) -> HostUsage:
    """All machines as one: sums, and the worst pressure of any."""
    cores = sum(host.cores for host in hosts)

    def total(value: Callable[[HostUsage], float | None]) -> float | None:
        known = [number for host in hosts if (number := value(host)) is not None]
        return sum(known) if known else None

    def worst(value: Callable[[HostUsage], float | None]) -> float | None:
        return max((n for host in hosts if (n := value(host)) is not None), default=None)

    def size(value: Callable[[HostUsage], int | None]) -> int | None:
        number = total(value)
        return None if number is None else int(number)

    used = total(lambda host: None if host.cpu_ratio is None else host.cpu_ratio * host.cores)
    return HostUsage(
        cores=cores,
        uptime=None,  # each has its own
        cpu_ratio=None if used is None or not cores else used / cores,
        memory_available=size(lambda host: host.memory_available),
        memory_total=size(lambda host: host.memory_total),
        cpu_pressure_some=worst(lambda host: host.cpu_pressure_some),
        cpu_pressure_full=worst(lambda host: host.cpu_pressure_full),
        memory_pressure_some=worst(lambda host: host.memory_pressure_some),
        memory_pressure_full=worst(lambda host: host.memory_pressure_full),
        io_pressure_some=worst(lambda host: host.io_pressure_some),
        io_pressure_full=worst(lambda host: host.io_pressure_full),
    )


def _trend(frames: Sequence[Frame]) -> Trend:
    """Share of all cores of all hosts, of those that tell."""
    steps: list[float | None] = []
    for step in range(STEPS):
        known = [
            (value * frame.host.cores, frame.host.cores)
            for frame in frames
            if (value := frame.host_trend[step]) is not None
        ]
        cores = sum(of for _, of in known)
        steps.append(sum(used for used, _ in known) / cores if cores else None)
    return tuple(steps)
