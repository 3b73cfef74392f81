"""Which probes may run, so that all together stay within their budget of CPU. Pure.

A round a minute: measured rates in, what to stop and what to try again out. The costliest is
stopped first, and as few as will do. One that was stopped is tried again after five minutes, one a
round and the cheapest first; each time it is stopped again the wait doubles, up to four hours, and
a probe that stayed within the budget for an hour starts afresh.

Rates are CPU seconds a second, of one core: 0.01 is 1%.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from agent.records import dataclass, field, replace

FIRST_WAIT: Final = 300.0
LONGEST_WAIT: Final = 4 * 3600.0
GOOD_FOR: Final = 3600.0
"""Seconds."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """A probe the governor has stopped, or had."""

    rate: float
    """What it cost when it was stopped."""
    times: int
    """How often it was stopped, since it last behaved for GOOD_FOR."""
    at: float
    """When it was stopped, or was started again."""
    running: bool = False
    """It was started again, and is being watched."""

    @property
    def retry_at(self) -> float:
        """When it may be tried again."""
        return self.at + min(FIRST_WAIT * (1 << min(self.times - 1, 16)), LONGEST_WAIT)


@dataclass(frozen=True, slots=True)
class Round:
    """What one round decided, and what the next one has to know."""

    stop: tuple[str, ...] = ()
    """Costliest first."""
    start: tuple[str, ...] = ()
    before: float = 0.0
    """The rate of all that ran."""
    after: float = 0.0
    """Of what goes on running."""
    known: Mapping[str, Stopped] = field(default_factory=dict)

    @property
    def stopped(self) -> frozenset[str]:
        """Probes that must not run now."""
        return frozenset(name for name, stopped in self.known.items() if not stopped.running)


def govern(rates: Mapping[str, float], last: Round, budget: float, now: float) -> Round:
    """
    Decide. `rates`: of each probe that runs. `now`: seconds, monotonic.

    A probe that is not in `rates` and not known as stopped costs nothing here.
    """
    known = {
        name: stopped
        for name, stopped in last.known.items()
        if not (stopped.running and now - stopped.at >= GOOD_FOR)
    }
    left = before = sum(rates.values())
    stop = []
    for name in sorted(rates, key=lambda name: (-rates[name], name)):
        if left <= budget:
            break
        left -= rates[name]
        stop.append(name)
        times = known[name].times + 1 if name in known else 1
        known[name] = Stopped(rates[name], times, now)
    start = []
    if not stop:
        due = [name for name, each in known.items() if not each.running and each.retry_at <= now]
        # What it cost then says little about now; but it is all there is to choose by.
        for name in sorted(due, key=lambda name: (known[name].rate, name))[:1]:
            start.append(name)
            known[name] = replace(known[name], at=now, running=True)
    return Round(tuple(stop), tuple(start), before, max(left, 0.0), known)
