"""Once a minute: open the windows of high-rate probes, measure what each probe costs, and stop what
is too dear.

    probe A  attached ▁▁█▁▁▁▁▁▁▁▁▁▁▁▁▁   a window, then detached for the rest of the round
    probe B           ▁▁▁█▁▁▁▁▁▁▁▁▁▁▁▁   the next one's, so that none measures the other
    low-rate probes   ████████████████   always attached, measured while windows are open

What a window saw is in the probe's counters, and how long it was open in `window_seconds`: a rate
is one divided by the other. What probes cost is the kernel's own stopwatch (stats.py); where that
may not be used, events times what one costs, where the probe can say how many there were.

`round` runs in the thread that `run` is called in. Everything else may be read by any thread.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Final, Protocol

from agent.bpf.governor import Round, govern
from agent.bpf.stats import RunTime, run_time, statistics
from agent.faults import told
from agent.records import dataclass, replace

log = logging.getLogger(__name__)

_NOTHING: Final = RunTime(0, 0)
_LEAST_MEASURE: Final = 1.0
"""Seconds statistics are on in a round that has no window."""


class Governed(Protocol):
    """A loaded probe that can be attached and detached."""

    @property
    def name(self) -> str:
        """Of the probe."""

    @property
    def windowed(self) -> bool:
        """Attached in windows alone."""

    def program_fds(self) -> Iterable[int]:
        """Descriptors of its programs, whose run time is asked for."""

    def estimate(self) -> float | None:
        """
        CPU seconds it has cost so far by its own count of events; only rises. None: it cannot say.
        """

    def attach(self) -> None:
        """Start counting. Raise OSError where the kernel refuses. May be called again."""

    def detach(self) -> None:
        """Stop counting and keep what was counted. May be called again."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one probe costs and does."""

    cpu_seconds: float | None = None
    """Since the agent started. None: it cannot be measured here."""
    rate: float | None = None
    """CPU seconds a second, of the last round."""
    window_seconds: float = 0.0
    """How long its windows were open, all together."""
    windows: int = 0
    stopped: bool = False
    """By the governor, now."""
    stops: int = 0
    """How often."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How often and how long."""

    period: float = 60.0
    """Seconds between the starts of two rounds."""
    window: float = 1.5
    """Seconds a window is open; 0: never."""
    budget: float = 0.01
    """CPU seconds a second that all probes together may take, of one core."""


@dataclass(slots=True)
class _Measured:
    """One probe in one round."""

    before: RunTime = _NOTHING
    estimate: float | None = None
    cost: float | None = None
    """CPU seconds while it was measured."""
    seconds: float = 0.0
    """How long that was."""


class Rounds:
    """Owns when probes are attached; owns no probe."""

    def __init__(
        self,
        probes: Sequence[Governed],
        settings: Settings,
        *,
        clock: Callable[[], float] = time.monotonic,
        stats: Callable[[], AbstractContextManager[str]] = statistics,
        ran: Callable[[Iterable[int]], RunTime] = run_time,
    ) -> None:
        self._probes = tuple(probes)
        self._settings = settings
        self._clock = clock
        self._stats = stats
        self._ran = ran
        self._last = Round()
        self._began: float | None = None
        self.unmeasured = ""
        """Why the kernel's stopwatch may not be used; "" where it may."""
        self.costs: dict[str, Cost] = {probe.name: Cost() for probe in self._probes}
        """By probe. A value is replaced as a whole, so any thread may read it."""

    @property
    def settings(self) -> Settings:
        """As given."""
        return self._settings

    def run(self, stop: threading.Event) -> None:
        """A round each period until `stop`. Windows are closed when it returns."""
        due = self._clock()
        while not stop.is_set():
            self.round(stop)
            due = max(due + self._settings.period, self._clock())
            stop.wait(due - self._clock())

    def round(self, stop: threading.Event) -> None:
        """One round: windows one after the other, then the governor's decision."""
        measured = {probe.name: _Measured() for probe in self._probes}
        always = [probe for probe in self._running() if not probe.windowed]
        began = self._clock()
        with self._stats() as self.unmeasured:
            for probe in always:
                self._begin(probe, measured[probe.name])
            for probe in self._running():
                if probe.windowed and self._settings.window and not stop.is_set():
                    self._open(probe, measured[probe.name], stop)
            if self._clock() - began < _LEAST_MEASURE and always:
                stop.wait(_LEAST_MEASURE - (self._clock() - began))
            for probe in always:
                self._end(probe, measured[probe.name], self._clock() - began)
        self._account(measured, began)

    def _running(self) -> list[Governed]:
        stopped = self._last.stopped
        return [probe for probe in self._probes if probe.name not in stopped]

    def _open(self, probe: Governed, measured: _Measured, stop: threading.Event) -> None:
        self._begin(probe, measured)
        opened = self._clock()
        try:
            probe.attach()
        except OSError as error:
            log.warning("probe %s has no window: %s", probe.name, told(error))
            return
        try:
            opened = self._clock()
            stop.wait(self._settings.window)
        finally:
            open_for = self._clock() - opened
            probe.detach()
        self._end(probe, measured, open_for)
        cost = self.costs[probe.name]
        self.costs[probe.name] = replace(
            cost, window_seconds=cost.window_seconds + open_for, windows=cost.windows + 1
        )

    def _begin(self, probe: Governed, measured: _Measured) -> None:
        measured.before = self._ran(probe.program_fds())
        measured.estimate = probe.estimate() if self.unmeasured else None

    def _end(self, probe: Governed, measured: _Measured, seconds: float) -> None:
        measured.seconds = seconds
        if not self.unmeasured:
            measured.cost = (self._ran(probe.program_fds()) - measured.before).ns / 1e9
            return
        now = probe.estimate()
        if now is not None and measured.estimate is not None:
            # It falls where a cgroup that is gone was forgotten in between.
            measured.cost = max(now - measured.estimate, 0.0)

    def _account(self, measured: dict[str, _Measured], began: float) -> None:
        """Take the costs in, and let the governor decide."""
        # The first round stands for the time to the next one.
        passed = self._settings.period if self._began is None else began - self._began
        self._began = began
        rates: dict[str, float] = {}
        for probe in self._running():
            each = measured[probe.name]
            if each.cost is None or not each.seconds:
                continue
            # A window's cost is all there is in a period; what always runs goes on at that rate.
            over = max(passed, self._settings.period) if probe.windowed else each.seconds
            rates[probe.name] = rate = each.cost / over
            cost = self.costs[probe.name]
            self.costs[probe.name] = replace(
                cost,
                rate=rate,
                cpu_seconds=(cost.cpu_seconds or 0.0)
                + (each.cost if probe.windowed else rate * passed),
            )
        self._last = govern(rates, self._last, self._settings.budget, self._clock())
        self._obey(self._last, rates)

    def _obey(self, decided: Round, rates: dict[str, float]) -> None:
        probes = {probe.name: probe for probe in self._probes}
        for name in decided.stop:
            probes[name].detach()
            cost = self.costs[name]
            self.costs[name] = replace(cost, stopped=True, stops=cost.stops + 1)
            log.warning(
                "probe %s is stopped: probes cost %.2f%% of a core, of which it %.2f%%, and may "
                "cost %.2f%%; it is tried again in %.0f minutes",
                name,
                100 * decided.before,
                100 * rates[name],
                100 * self._settings.budget,
                (decided.known[name].retry_at - decided.known[name].at) / 60,
            )
        for name in decided.start:
            if not probes[name].windowed:
                try:
                    probes[name].attach()
                except OSError as error:
                    log.warning("probe %s does not start again: %s", name, told(error))
                    still = replace(decided.known[name], running=False)
                    self._last = replace(decided, known={**decided.known, name: still})
                    continue
            self.costs[name] = replace(self.costs[name], stopped=False)
            log.info("probe %s is tried again", name)
