"""Which process uses the CPU, on real processes."""

from __future__ import annotations

import os
import subprocess
import sys

from agent.drilldown.processes import busiest


def test_the_process_that_spins_is_named_and_the_one_that_sleeps_is_not() -> None:
    spinning = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    sleeping = subprocess.Popen(["sleep", "1000"])
    try:
        found = busiest([spinning.pid, sleeping.pid, 1 << 22])
    finally:
        for process in (spinning, sleeping):
            process.kill()
            process.wait()
    assert [busy.pid for busy in found] == [spinning.pid]
    assert 0 < found[0].cores < 1.5
    assert found[0].threads == 1


def test_without_a_process_nobody_is_busy() -> None:
    assert busiest([os.getpid()][:0]) == ()
