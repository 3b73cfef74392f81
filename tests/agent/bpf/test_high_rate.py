"""The probes of windows on this kernel, through both loaders: exact counts of a container that does
what it is told, beside one that does nothing.
"""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import permutations
from pathlib import Path

import pytest

from agent.bpf.cpus import cpu_ids
from agent.bpf.loader import open_probe
from agent.bpf.probeset import LoaderName
from agent.bpf.reading import Reading
from agent.bpf.rounds import Rounds, Settings
from agent.bpf.sched import SCHED
from agent.bpf.sched_counts import NO_SCHED, SchedCounts
from agent.bpf.syscall_counts import ClassCounts, SyscallCounts, SyscallTimes
from agent.bpf.syscalls import SYSCALL_TIMES, SYSCALLS, look_only_at
from tests.agent.bpf.talker import Talker
from tests.host.daemon import wait_until
from tests.host.docker import DockerHost

pytestmark = pytest.mark.host

YIELDS, FAILED = 1009, 101
ROUNDS = 20
CALLS = f"""
import os
for _ in range({YIELDS}): os.sched_yield()
for _ in range({FAILED}):
    try: os.fsync(999)
    except OSError: pass
"""
SLEEPS = "import time\nfor _ in range(7): time.sleep(0.02)"
BURN = """
import os, time
os.sched_setaffinity(0, {0})
end = time.process_time() + 0.3
while time.process_time() < end: pass
"""


@pytest.fixture(scope="module")
def pair(
    docker_host: DockerHost, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Talker, Talker]]:
    """(busy, idle)"""
    directory = tmp_path_factory.mktemp("high-rate")
    with ExitStack() as started:
        talkers = []
        for name in ("busy", "idle"):
            talker = Talker(docker_host, f"high-rate-{name}", "none", directory / name)
            started.callback(talker.end)
            talker.do("import os, time")
            talkers.append(talker)
        yield talkers[0], talkers[1]


def counted(reading: Reading[SyscallCounts], talker: Talker, name: str) -> ClassCounts:
    return reading.of(talker.cgroup).classes.get(name, ClassCounts(0, 0))


def test_a_window_counts_each_call_by_class_and_nothing_of_the_idle_container(
    loader: LoaderName, pair: tuple[Talker, Talker]
) -> None:
    busy, idle = pair
    with open_probe(SYSCALLS, loader) as probe:
        assert (probe.loader, dict(probe.off), probe.running) == (loader, {}, False)
        busy.do(CALLS)
        assert counted(probe.read(), busy, "sleep") == ClassCounts(0, 0), "it is not attached yet"
        for window in (1, 2):
            probe.attach()
            busy.do(CALLS)
            probe.detach()
            busy.do(CALLS)
            assert counted(probe.read(), busy, "sleep") == ClassCounts(window * YIELDS, 0)
            assert counted(probe.read(), busy, "sync") == ClassCounts(
                window * FAILED, window * FAILED
            )
        reading = probe.read()
        assert idle.cgroup not in reading.cgroups
        assert reading.of(idle.cgroup) == SyscallCounts()
        assert reading.dropped == {"slots": 0}
        probe.forget([busy.cgroup])
        assert busy.cgroup not in probe.read().cgroups
        probe.attach()
        busy.do(CALLS)
        assert counted(probe.read(), busy, "sleep") == ClassCounts(YIELDS, 0), "from 0 again"


@pytest.mark.usefixtures("libbpf_may_load")
def test_who_finds_no_place_is_dropped_and_counted_and_takes_nobodys_place(
    pair: tuple[Talker, Talker], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One place a CPU: whoever comes first has it."""
    monkeypatch.setattr("agent.bpf.probeset._MOST_PLACES", 1)
    for talker in pair:
        talker.do("import os; os.sched_setaffinity(0, {0})")
    with open_probe(SYSCALLS, "libbpf") as probe:
        probe.attach()
        for talker in (*pair, *pair):
            talker.do(CALLS)
        probe.detach()
        reading = probe.read()
    assert 1 <= len(reading.cgroups) <= cpu_ids()
    # At least one of the two has no place on their CPU, and made each call twice.
    assert reading.dropped["slots"] >= 2 * (YIELDS + FAILED)
    assert all(counted(reading, talker, "sleep").calls in (0, 2 * YIELDS) for talker in pair), (
        reading
    )


def test_calls_by_number_have_times_and_errnos(
    loader: LoaderName, pair: tuple[Talker, Talker]
) -> None:
    busy, idle = pair
    with open_probe(SYSCALL_TIMES, loader) as probe:
        probe.attach()
        busy.do(CALLS)
        busy.do(SLEEPS)
        reading = probe.read()
        calls = reading.of(busy.cgroup).calls
        assert (calls["sched_yield"].calls, calls["sched_yield"].errors) == (YIELDS, 0)
        assert (calls["fsync"].calls, calls["fsync"].errors) == (FAILED, FAILED)
        assert calls["fsync"].errnos == {9: FAILED}
        assert sum(calls["sched_yield"].buckets) == YIELDS
        sleeps = calls["clock_nanosleep"]
        assert sleeps.calls == 7
        assert sleeps.ns >= 7 * 20_000_000
        assert sum(sleeps.buckets[24:]) == 7, "20 ms is more than 2^24 ns"
        assert reading.of(idle.cgroup) == SyscallTimes()
        assert reading.dropped == {"times": 0, "errors": 0}
        probe.forget([busy.cgroup])
        assert busy.cgroup not in probe.read().cgroups
        probe.detach()
        probe.forget(probe.read().cgroups)

        look_only_at(probe.maps, [idle.cgroup])
        probe.attach()
        busy.do(CALLS)
        idle.do("answer = os.getppid()")
        cgroups = probe.read().cgroups
        assert set(cgroups) == {idle.cgroup}
        assert cgroups[idle.cgroup].calls["getppid"].calls == 1


@pytest.mark.usefixtures("libbpf_may_load")
def test_strace_counts_the_same(pair: tuple[Talker, Talker]) -> None:
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    busy, _ = pair
    with open_probe(SYSCALL_TIMES, "libbpf") as probe:
        watcher = subprocess.Popen(
            [strace, "-c", "-p", str(busy.pid)], stderr=subprocess.PIPE, text=True
        )
        with watcher:
            assert watcher.stderr is not None
            first = watcher.stderr.readline()
            if "attached" not in first:
                pytest.skip(f"strace may not attach: {first}")
            busy.do("pass")
            probe.attach()
            busy.do(CALLS)
            probe.detach()
            watcher.send_signal(signal.SIGINT)
            table = watcher.stderr.read()
        calls = probe.read().of(busy.cgroup).calls
    rows = {
        words[-1]: (int(words[3]), int(words[4]) if len(words) == 6 else 0)
        for line in table.splitlines()
        if len(words := line.split()) in (5, 6) and re.match(r"\s*\d+\.\d+ ", line)
    }
    for name in ("sched_yield", "fsync"):
        assert (calls[name].calls, calls[name].errors) == rows[name]


def run_delay(pid: int) -> int:
    """Nanoseconds a thread was ready and had no CPU."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1])


def test_two_that_want_one_cpu_take_it_from_each_other_and_the_kernel_agrees_how_long(
    loader: LoaderName, pair: tuple[Talker, Talker]
) -> None:
    one, other = pair
    ids = [talker.cgroup for talker in pair]
    for talker in pair:
        talker.do("os.sched_setaffinity(0, {0})")
    with open_probe(SCHED, loader) as probe:
        before = {talker: run_delay(talker.pid) for talker in pair}
        probe.attach()
        for _ in range(ROUNDS):
            for talker in pair:
                talker.tell(BURN)
            for talker in pair:
                talker.heard()
            # On a busy machine a third one often comes in between.
            cgroups = probe.read().cgroups
            if all(rival in cgroups[victim].takers for victim, rival in permutations(ids)):
                break
        probe.detach()
        after = {talker: run_delay(talker.pid) for talker in pair}
        reading = probe.read()
    for talker, rival in ((one, other), (other, one)):
        counts = reading.of(talker.cgroup)
        assert counts.takers[rival.cgroup] > 0
        assert counts.involuntary >= counts.takers[rival.cgroup]
        assert sum(counts.waits) > 0
        # Before and after the window it waited a little too.
        assert counts.wait_ns == pytest.approx(after[talker] - before[talker], rel=0.1)
    assert reading.dropped == {"slots": 0, "preempted": 0}


def test_sleeps_are_told_by_reason_and_without_the_wait_for_a_cpu(
    loader: LoaderName, pair: tuple[Talker, Talker]
) -> None:
    busy, idle = pair
    with open_probe(SCHED, loader) as probe:
        busy.do("pass")
        probe.attach()
        busy.do(SLEEPS)
        reading = probe.read()
        counts: SchedCounts = reading.of(busy.cgroup)
        assert reading.of(idle.cgroup) == NO_SCHED
    slept = counts.sleeps["interruptible"]
    # Of seven: one that is kept off its CPU until its timer has run out does not sleep.
    assert slept.count >= 4
    assert slept.ns >= 4 * 20_000_000
    assert counts.voluntary >= 4
    assert counts.sleeps["stopped"].count == 0


@pytest.mark.usefixtures("libbpf_may_load")
def test_a_round_opens_a_window_measures_it_and_leaves_nothing_attached() -> None:
    with open_probe(SYSCALLS, "libbpf") as probe:
        rounds = Rounds([probe], Settings(period=1.0, window=0.3, budget=1.0))
        before = probe.estimate()
        stop = threading.Event()
        ticking = threading.Thread(target=rounds.run, args=(stop,))
        ticking.start()
        try:
            wait_until(lambda: rounds.costs["syscalls"].windows >= 2, 30, "two windows")
        finally:
            stop.set()
            ticking.join()
        assert not probe.running
        cost = rounds.costs["syscalls"]
        assert cost.window_seconds > 0.3
        after = probe.estimate()
        assert before is not None
        assert after is not None
        assert after > before
        assert cost.cpu_seconds is not None
        assert 0 < cost.cpu_seconds < cost.window_seconds
        classes = probe.read().cgroups
        assert any(counts.classes for counts in classes.values()), "the host made system calls"
