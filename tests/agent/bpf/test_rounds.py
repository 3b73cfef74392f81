"""Rounds with probes and clocks of the test's own: nothing here waits."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import pytest

from agent.bpf.rounds import Governed, Rounds, Settings
from agent.bpf.stats import RunTime

PERIOD, WINDOW = 60.0, 2.0


class World:
    """Time passes only where somebody waits; an attached probe costs while it passes."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.probes: list[FakeProbe] = []
        self.statistics = False
        self.refused = ""
        self.opened: list[tuple[str, float]] = []

    def clock(self) -> float:
        return self.now

    def wait(self, seconds: float) -> bool:
        for probe in self.probes:
            if probe.attached:
                probe.spent += seconds * probe.rate
                probe.measured += seconds * probe.rate if self.statistics else 0.0
        self.now += seconds
        return False

    @contextmanager
    def stats(self) -> Iterator[str]:
        if self.refused:
            yield self.refused
            return
        self.statistics = True
        try:
            yield ""
        finally:
            self.statistics = False

    def ran(self, fds: Iterable[int]) -> RunTime:
        return RunTime(sum(round(self.probes[fd].measured * 1e9) for fd in fds), 0)


class FakeProbe:
    def __init__(self, world: World, name: str, rate: float, *, windowed: bool) -> None:
        self.world, self.name, self.rate, self.windowed = world, name, rate, windowed
        self.attached = not windowed
        self.spent = self.measured = 0.0
        self.estimates = True
        self.error: OSError | None = None
        self.number = len(world.probes)
        world.probes.append(self)

    def program_fds(self) -> Iterable[int]:
        return (self.number,)

    def estimate(self) -> float | None:
        return self.spent if self.estimates else None

    def attach(self) -> None:
        if self.error is not None:
            raise self.error
        self.attached = True
        self.world.opened.append((self.name, self.world.now))

    def detach(self) -> None:
        self.attached = False


class Stop(threading.Event):
    """An event whose waits make time pass in the test's world."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        return self._world.wait(timeout)


@pytest.fixture
def world() -> World:
    return World()


def rounds(world: World, budget: float = 0.01) -> Rounds:
    probes: list[Governed] = list(world.probes)
    settings = Settings(period=PERIOD, window=WINDOW, budget=budget)
    return Rounds(probes, settings, clock=world.clock, stats=world.stats, ran=world.ran)


def minute(world: World, made: Rounds) -> None:
    began = world.now
    made.round(Stop(world))
    world.wait(PERIOD - (world.now - began))


def test_windows_open_one_after_the_other_and_are_measured_alone(world: World) -> None:
    always = FakeProbe(world, "lifecycle", 0.001, windowed=False)
    first = FakeProbe(world, "syscalls", 0.03, windowed=True)
    second = FakeProbe(world, "sched", 0.06, windowed=True)
    made = rounds(world)
    minute(world, made)
    assert world.opened == [("syscalls", 1000.0), ("sched", 1000.0 + WINDOW)]
    assert (always.attached, first.attached, second.attached) == (True, False, False)
    costs = made.costs
    assert costs["syscalls"].rate == pytest.approx(0.03 * WINDOW / PERIOD)
    assert costs["sched"].rate == pytest.approx(0.06 * WINDOW / PERIOD)
    assert costs["lifecycle"].rate == pytest.approx(0.001)
    assert costs["syscalls"].window_seconds == WINDOW
    assert costs["lifecycle"].window_seconds == 0.0


def test_what_always_runs_is_measured_for_a_second_and_counted_for_the_whole_time(
    world: World,
) -> None:
    FakeProbe(world, "lifecycle", 0.002, windowed=False)
    made = rounds(world)
    for _ in range(5):
        minute(world, made)
    assert made.costs["lifecycle"].cpu_seconds == pytest.approx(5 * PERIOD * 0.002)


def test_the_cost_of_windows_is_what_they_cost(world: World) -> None:
    probe = FakeProbe(world, "sched", 0.1, windowed=True)
    made = rounds(world)
    for _ in range(5):
        minute(world, made)
    assert made.costs["sched"].cpu_seconds == pytest.approx(probe.spent)
    assert made.costs["sched"].windows == 5
    assert made.costs["sched"].window_seconds == 5 * WINDOW


def test_over_the_budget_the_costliest_is_detached_and_it_is_said(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    cheap = FakeProbe(world, "lifecycle", 0.004, windowed=False)
    dear = FakeProbe(world, "tcp", 0.02, windowed=False)
    made = rounds(world)
    minute(world, made)
    assert [probe.attached for probe in (cheap, dear)] == [True, False]
    assert made.costs["tcp"].stopped
    assert made.costs["tcp"].stops == 1
    assert "probe tcp is stopped: probes cost 2.40% of a core, of which it 2.00%" in caplog.text
    for _ in range(5):
        minute(world, made)
    attached = [dear.attached]
    minute(world, made)
    attached.append(dear.attached)
    assert attached == [True, False], "it is tried again after five minutes"
    assert made.costs["tcp"].stops == 2


def test_one_that_does_not_start_again_is_still_stopped_and_tried_once_more(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    dear = FakeProbe(world, "tcp", 0.02, windowed=False)
    made = rounds(world)
    minute(world, made)
    dear.error = OSError(12, "Cannot allocate memory")
    for _ in range(6):
        minute(world, made)
    assert "probe tcp does not start again" in caplog.text
    assert made.costs["tcp"].stopped
    dear.error = None
    for _ in range(6):
        minute(world, made)
    assert made.costs["tcp"].stops == 2, "it ran, and was too dear again"


def test_a_stopped_windowed_probe_has_no_window_until_it_is_tried_again(world: World) -> None:
    FakeProbe(world, "sched", 0.9, windowed=True)
    made = rounds(world)
    for _ in range(7):
        minute(world, made)
    assert made.costs["sched"].windows == 1
    assert not made.costs["sched"].stopped
    minute(world, made)
    assert made.costs["sched"].windows == 2
    assert made.costs["sched"].stopped


def test_without_the_kernels_stopwatch_the_probes_own_count_answers(world: World) -> None:
    world.refused = "Operation not permitted"
    FakeProbe(world, "lifecycle", 0.02, windowed=False)
    mute = FakeProbe(world, "tcp", 0.5, windowed=False)
    mute.estimates = False
    made = rounds(world)
    minute(world, made)
    assert made.unmeasured == "Operation not permitted"
    assert made.costs["lifecycle"].stopped
    assert made.costs["tcp"].rate is None
    assert made.costs["tcp"].cpu_seconds is None
    assert mute.attached, "what cannot be measured is not judged"


def test_a_window_that_does_not_open_is_said_and_not_counted(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    probe = FakeProbe(world, "sched", 0.1, windowed=True)
    probe.error = OSError(2, "BPF_RAW_TRACEPOINT_OPEN: No such file or directory")
    made = rounds(world)
    minute(world, made)
    assert made.costs["sched"].windows == 0
    assert made.costs["sched"].rate is None
    assert "probe sched has no window" in caplog.text


def test_a_stop_closes_the_window(world: World) -> None:
    probe = FakeProbe(world, "sched", 0.1, windowed=True)
    made = rounds(world)
    stop = Stop(world)
    stop.set()
    made.run(stop)
    made.round(stop)
    assert world.opened == []
    assert not probe.attached
