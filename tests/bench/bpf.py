"""What the probes that always run cost others, and what loading them costs the agent.

    python -m tests.bench.bpf [--rounds 9] [--json]

Each round runs every workload without probes and with all that are on by default and in no window;
a ratio is of one round, and the median of all is told.

    syscall   getppid in a loop: CPU time
    switch    a byte through a pipe and one back, two switches of a CPU: CPU time
    read      4 KiB direct reads of a file in random places: time

Loading is done in a process of its own, by libbpf: CPU seconds and resident MiB beyond the same
process with all modules imported.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from agent.bpf.loader import ProbeUnavailable, open_probe
from agent.bpf.registry import KINDS

COUNTS: Final = {"syscall": 2_000_000, "switch": 40_000, "read": 2_000}
"""Workload -> operations of one run: some 0.2 s."""
TARGETS: Final = {"syscall": 1.02, "switch": 1.05, "read": 1.03}
LOAD_SECONDS: Final = 0.2
LOAD_MIB: Final = 4.0
FILE_BYTES: Final = 64 << 20

LOADING: Final = """
import time
from agent.bpf.running import open_probes
from agent.bpf.registry import KINDS
def rss():
    with open("/proc/self/smaps_rollup") as file:
        return sum(int(l.split()[1]) for l in file if l.startswith(("Rss",))) / 1024
kinds = [kind for kind in KINDS if kind.default and not kind.windowed]
before, at = rss(), time.process_time()
probes = open_probes(kinds, "libbpf")
print(time.process_time() - at, rss() - before)
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One workload: medians of all rounds."""

    workload: str
    ns: float
    """Of an operation without probes."""
    added_ns: float
    ratio: float
    target: float


def main() -> int:
    """Run the benchmark; 1 if a target is missed."""
    arguments = argparse.ArgumentParser(description="Cost of the probes that always run.")
    arguments.add_argument("--rounds", type=int, default=9)
    arguments.add_argument("--json", action="store_true")
    options = arguments.parse_args()
    try:
        rows = list(measure(options.rounds))
    except ProbeUnavailable as error:
        print(f"no probe runs here: {error.reason}", file=sys.stderr)
        return 2
    seconds, mib = loading()
    if options.json:
        print(json.dumps({"rows": [asdict(row) for row in rows], "load": [seconds, mib]}))
    else:
        print(f"{'':10}{'ns':>9}{'added':>9}{'ratio':>8}{'target':>8}")
        for row in rows:
            print(
                f"{row.workload:10}{row.ns:9.0f}{row.added_ns:9.0f}{row.ratio:8.3f}"
                f"{row.target:8.2f}"
            )
        print(f"loading: {seconds:.2f} s of CPU (target {LOAD_SECONDS}), ", end="")
        print(f"{mib:.1f} MiB (target {LOAD_MIB:.0f})")
    missed = any(row.ratio > row.target for row in rows)
    return int(missed or seconds > LOAD_SECONDS or mib > LOAD_MIB)


def measure(rounds: int) -> Iterator[Row]:
    """A row for each workload."""
    with ExitStack() as closing:
        # Not /tmp, which is often memory: direct reads need a device.
        directory = Path(closing.enter_context(tempfile.TemporaryDirectory(dir="/var/tmp")))
        commands = commands_in(directory)
        probes = [
            closing.enter_context(open_probe(kind, "libbpf"))
            for kind in KINDS
            if kind.default and not kind.windowed
        ]
        for probe in probes:
            probe.detach()
        for workload, command in commands.items():
            without: list[float] = []
            counted: list[float] = []
            for _ in range(rounds):
                without.append(run(command))
                for probe in probes:
                    probe.attach()
                counted.append(run(command))
                for probe in probes:
                    probe.detach()
            yield Row(
                workload,
                statistics.median(without),
                statistics.median(a - b for a, b in zip(counted, without, strict=True)),
                statistics.median(a / b for a, b in zip(counted, without, strict=True)),
                TARGETS[workload],
            )


def commands_in(directory: Path) -> dict[str, Sequence[str]]:
    """Build the C programs there, and the file to read."""
    for name in ("kernel_loops", "direct_read"):
        source = Path(__file__).with_name(f"{name}.c")
        subprocess.run(["cc", "-O2", "-o", str(directory / name), str(source)], check=True)
    with open(directory / "file", "wb") as file:
        file.write(os.urandom(FILE_BYTES))
        file.flush()
        os.fsync(file.fileno())
    loops = str(directory / "kernel_loops")
    return {
        "syscall": [loops, "syscall", str(COUNTS["syscall"])],
        "switch": [loops, "switch", str(COUNTS["switch"])],
        "read": [str(directory / "direct_read"), str(directory / "file"), str(COUNTS["read"])],
    }


def run(command: Sequence[str]) -> float:
    """Nanoseconds of one operation."""
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stdout)


def loading() -> tuple[float, float]:
    """(CPU seconds, MiB resident) of loading all."""
    done = subprocess.run(
        [sys.executable, "-c", LOADING], check=True, capture_output=True, text=True
    )
    seconds, mib = map(float, done.stdout.split())
    return seconds, mib


if __name__ == "__main__":
    sys.exit(main())
