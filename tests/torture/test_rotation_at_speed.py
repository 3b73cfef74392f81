"""A fast writer under a kubelet-like rotator, while the receiver pauses: nothing is lost.

ROTATION_SECONDS=60 runs the full length, with two pauses of 10 s; by default it is short.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from agent.log_destinations import FluentdDestination
from tests.log_host import ROOT, LogHost, Receiver, Worker, wait_for

SECONDS = float(os.environ.get("ROTATION_SECONDS", "8"))
FULL = SECONDS >= 60
RATE = int(os.environ.get("ROTATION_RATE", "20000" if FULL else "8000"))
PAUSES = (10.0, 10.0) if FULL else (2.5,)
EVERY = 2.0
POD = "var/log/pods/shop_web-5f7d_0b3c8d1e-0000-4000-8000-000000000001/web"


def test_nothing_is_lost_through_rotation_at_speed_and_a_receiver_that_pauses(
    tmp_path: Path,
) -> None:
    host = LogHost(tmp_path / "host")
    log = host.root / POD / "0.log"
    log.parent.mkdir(parents=True)
    with Receiver(tmp_path / "received") as receiver:
        given = host.worker_input(FluentdDestination(port=receiver.port))
        with Worker(given, tmp_path / "errors") as worker:
            wait_for(lambda: worker.stats is not None, 10, "the worker runs")
            began = time.monotonic()
            writer = subprocess.Popen(
                [sys.executable, "-m", "tests.torture.rotation_writer", str(log), str(RATE),
                 str(SECONDS), str(EVERY)],
                stdout=subprocess.PIPE, cwd=ROOT,
            )  # fmt: skip
            try:
                for number, pause in enumerate(PAUSES):
                    # What is tested is a duration: the receiver stops answering for so long.
                    at = began + SECONDS * (number + 0.5) / (len(PAUSES) + 0.5)
                    time.sleep(max(0.0, at - time.monotonic()))
                    receiver.process.send_signal(signal.SIGSTOP)
                    try:
                        time.sleep(pause)
                    finally:
                        receiver.process.send_signal(signal.SIGCONT)
                written = int(writer.communicate(timeout=SECONDS + 60)[0])
            finally:
                writer.kill()
                writer.wait()

            def delivered() -> bool:
                stats = worker.stats
                return stats is not None and stats.destination.records >= written

            wait_for(delivered, 60, f"{written} lines are acknowledged")
            assert worker.stop() == 0
            assert worker.stats is not None
            assert worker.stats.total_lost() == {}
        chunks = receiver.chunks()
    assert list(log.parent.glob("*.gz")), "the rotator has compressed files meanwhile"
    # A chunk that was sent again has the id it had: it is the only thing that may come twice.
    seen: set[str] = set()
    once: list[int] = []
    for chunk, numbers in chunks:
        if chunk not in seen:
            seen.add(chunk)
            once += numbers
    assert [n for n, count in Counter(once).items() if count > 1] == []
    assert once == list(range(written)), "all of them, and in order"
