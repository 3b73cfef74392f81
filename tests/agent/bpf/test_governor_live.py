"""The governor on real programs and a real load: the costliest goes, is said to, and comes back."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from agent.bpf.governor import FIRST_WAIT
from agent.bpf.lifecycle import LIFECYCLE
from agent.bpf.loader import open_probe
from agent.bpf.reclaim import RECLAIM
from agent.bpf.rounds import Rounds, Settings
from agent.bpf.syscalls import SYSCALLS
from agent.probe_costs import ProbeCosts

pytestmark = [pytest.mark.host, pytest.mark.usefixtures("libbpf_may_load")]

SETTINGS = Settings(period=1.0, window=0.3, budget=0.004)
CALLS = "import os\nprint(flush=True)\nwhile True: os.getppid()"


class Clock:
    """The real one, which can be put forward."""

    ahead = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead


@contextmanager
def load() -> Iterator[None]:
    """A million system calls a second and more."""
    argv = [sys.executable, "-c", CALLS]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as busy:
        assert busy.stdout is not None
        busy.stdout.readline()
        try:
            yield
        finally:
            busy.kill()


def shed(made: Rounds) -> set[str]:
    """By the series."""
    families = {
        each.name: each for each in ProbeCosts(lambda: made.costs, SETTINGS.budget).collect()
    }
    samples = families["agent_probe_shed"].samples
    return {sample.labels["probe"] for sample in samples if sample.value}


def test_the_costliest_is_shed_under_load_and_comes_back_after_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    clock, stop = Clock(), threading.Event()
    with ExitStack() as opened:
        probes = [
            opened.enter_context(open_probe(kind, "libbpf"))
            for kind in (LIFECYCLE, RECLAIM, SYSCALLS)
        ]
        made = Rounds(probes, SETTINGS, clock=clock)
        with load():
            made.round(stop)
        if made.unmeasured:
            pytest.skip(made.unmeasured)
        rates = {name: cost.rate or 0.0 for name, cost in made.costs.items()}
        assert max(rates, key=lambda name: rates[name]) == "syscalls"
        assert rates["syscalls"] > SETTINGS.budget
        assert shed(made) == {"syscalls"}
        assert "probe syscalls is stopped" in caplog.text
        windows = made.costs["syscalls"].windows
        made.round(stop)
        assert made.costs["syscalls"].windows == windows, "none while it is stopped"
        clock.ahead = FIRST_WAIT
        made.round(stop)
        assert "probe syscalls is tried again" in caplog.text
        assert shed(made) == set()
        made.round(stop)
        assert made.costs["syscalls"].windows == windows + 1
        assert not probes[-1].running, "between its windows it is detached"
