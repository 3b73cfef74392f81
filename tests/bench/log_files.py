"""Many log files: what idle ones cost, and how far busy ones lag behind.

    python -m tests.bench.log_files [--idle 3000] [--busy 200] [--rate 200] [--seconds 10]

idle    The worker's CPU time over SECONDS while nobody writes, as a share of one core.
busy    RATE lines a second are written to each of the files, in bursts of a tenth of a second. The
        lag is asked of the worker itself every second: the seconds since the oldest line that is
        not acknowledged, of the file that is furthest behind.

The real worker with discovery, checkpoint and a Forward server that counts and acknowledges.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from agent.log_destinations import FluentdDestination
from agent.logs.stats import WorkerStats
from tests.log_host import LogHost, Receiver, Worker, wait_for

SETTLE = 6.0
"""Seconds in which files that fell silent come to be looked at rarely, and the last scan ends."""


def add_files(host: LogHost, count: int) -> list[Path]:
    logs = []
    for number in range(count):
        directory = (
            host.root / f"var/log/pods/bench_pod-{number}_00000000-0000-4000-8000-{number:012d}/app"
        )
        directory.mkdir(parents=True)
        log = directory / "0.log"
        log.write_bytes(line(number, 0))
        logs.append(log)
    return logs


def line(number: int, index: int) -> bytes:
    seconds, nanoseconds = divmod(time.time_ns(), 10**9)
    stamp = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{nanoseconds:09d}Z"
    return f"{stamp} stdout F line {index:08d} of {number:04d} {'x' * 60}\n".encode()


def read(stats: WorkerStats | None) -> int:
    return sum(counters.lines for counters in stats.containers) if stats is not None else 0


def idle(count: int, seconds: float) -> float:
    """CPU seconds per second."""
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        host = LogHost(root / "host")
        add_files(host, count)
        with Receiver(root / "received", "--discard") as receiver:
            given = host.worker_input(FluentdDestination(port=receiver.port))
            with Worker(given, root / "errors") as worker:
                wait_for(lambda: read(worker.stats) >= count, 60, "every file was read")
                time.sleep(SETTLE)
                began, cpu = time.monotonic(), worker.cpu_seconds
                time.sleep(seconds)
                return (worker.cpu_seconds - cpu) / (time.monotonic() - began)


def busy(count: int, rate: int, seconds: float) -> tuple[float, float, int]:
    """Worst lag in seconds, CPU seconds per second, lines that were written and not read."""
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        host = LogHost(root / "host")
        logs = add_files(host, count)
        with Receiver(root / "received", "--discard") as receiver:
            given = host.worker_input(FluentdDestination(port=receiver.port))
            with Worker(given, root / "errors") as worker:
                wait_for(lambda: read(worker.stats) >= count, 60, "every file was read")
                files = [log.open("ab", buffering=0) for log in logs]
                burst = max(1, rate // 10)
                began, cpu = time.monotonic(), worker.cpu_seconds
                worst, written = 0.0, count
                for turn in range(int(seconds * 10)):
                    for number, file in enumerate(files):
                        file.write(b"".join(line(number, turn * burst + i) for i in range(burst)))
                    written += burst * count
                    if read(worker.stats) > count:  # told since the writing began
                        worst = max(worst, furthest_behind(worker.stats))
                    time.sleep(max(0.0, began + (turn + 1) / 10 - time.monotonic()))
                used = (worker.cpu_seconds - cpu) / (time.monotonic() - began)
                for file in files:
                    file.close()
                wait_for(lambda: read(worker.stats) >= written, 30, "every line was read")
                worst = max(worst, furthest_behind(worker.stats))
                return worst, used, written - read(worker.stats)


def furthest_behind(stats: WorkerStats | None) -> float:
    if stats is None:
        return 0.0
    return max((counters.lag_seconds or 0.0 for counters in stats.containers), default=0.0)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--idle", type=int, default=3000)
    parser.add_argument("--busy", type=int, default=200)
    parser.add_argument("--rate", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=10.0)
    given = parser.parse_args()
    share = idle(given.idle, given.seconds)
    print(f"idle   {given.idle} files: {share:.2%} of a core")
    worst, used, missing = busy(given.busy, given.rate, given.seconds)
    print(
        f"busy   {given.busy} files, {given.rate} lines/s each: worst lag {worst:.2f} s, "
        f"{used:.0%} of a core, {missing} lines not read"
    )


if __name__ == "__main__":
    main()
