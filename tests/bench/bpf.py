"""What the probes that always run cost others, and what loading them costs the agent.

    python -m tests.bench.bpf [--rounds 15] [--json]

Each round runs a workload without probes, with all that are on by default and in no window, and
without once more: the ratio is to the mean of the two without, so that a machine that becomes
slower is not taken for a cost. The median of all rounds is told, and beside it their quartiles, and
those of the second run without to the first: what noise alone does here.

    syscall   getppid in a loop: CPU time
    switch    a byte through a pipe and one back, two switches of a CPU: CPU time
    read      4 KiB direct reads of a file in random places: time

Loading is done in a process of its own, by libbpf: CPU seconds and resident MiB beyond the same
process with all modules imported.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from agent.bpf.loader import ProbeUnavailable, open_probe
from agent.bpf.probe import Probe
from agent.bpf.registry import KINDS
from tests.bench.bpf_workloads import commands_in, run

TARGETS: Final = {"syscall": 1.02, "switch": 1.05, "read": 1.03}
LOAD_SECONDS: Final = 0.2
LOAD_MIB: Final = 4.0

LOADING: Final = """
import time
from agent.bpf.running import open_probes
from agent.bpf.probe import Probe
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
    quartiles: tuple[float, float]
    """Of the ratio."""
    noise: tuple[float, float]
    """Quartiles of the ratio of two runs without probes."""
    target: float


def main() -> int:
    """Run the benchmark; 1 if a target is missed."""
    arguments = argparse.ArgumentParser(description="Cost of the probes that always run.")
    arguments.add_argument("--rounds", type=int, default=15)
    arguments.add_argument("--json", action="store_true")
    options = arguments.parse_args()
    if options.rounds < 2:
        arguments.error("--rounds: quartiles need two and more")
    try:
        rows = list(measure(options.rounds))
    except ProbeUnavailable as error:
        print(f"no probe runs here: {error.reason}", file=sys.stderr)
        return 2
    seconds, mib = loading()
    if options.json:
        print(json.dumps({"rows": [asdict(row) for row in rows], "load": [seconds, mib]}))
    else:
        head = f"{'ns':>9}{'added':>9}{'ratio':>8}{'quartiles':>13}{'noise':>13}{'target':>8}"
        print(f"{'':10}{head}")
        for row in rows:
            spread = (f"{low:.3f}-{high:.3f}" for low, high in (row.quartiles, row.noise))
            print(
                f"{row.workload:10}{row.ns:9.1f}{row.added_ns:9.1f}{row.ratio:8.3f}"
                f"{''.join(f'{each:>13}' for each in spread)}{row.target:8.2f}"
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
        for workload, target in TARGETS.items():
            without: list[float] = []
            again: list[float] = []
            counted: list[float] = []
            for _ in range(rounds):
                without.append(turn(probes, commands[workload], count=False))
                counted.append(turn(probes, commands[workload], count=True))
                again.append(turn(probes, commands[workload], count=False))
            base = [(a + b) / 2 for a, b in zip(without, again, strict=True)]
            ratios = [a / b for a, b in zip(counted, base, strict=True)]
            yield Row(
                workload,
                statistics.median(base),
                statistics.median(a - b for a, b in zip(counted, base, strict=True)),
                statistics.median(ratios),
                quartiles(ratios),
                quartiles([a / b for a, b in zip(again, without, strict=True)]),
                target,
            )


def turn(probes: Sequence[Probe[Any]], command: Sequence[str], *, count: bool) -> float:
    """
    Nanoseconds of one operation. Before each run is the pause in which probes are attached, so that
    a disk that is the faster for a rest is so every time.
    """
    for probe in probes:
        probe.attach()
    if count:
        took = run(command)
    for probe in probes:
        probe.detach()
    return took if count else run(command)


def quartiles(ratios: Sequence[float]) -> tuple[float, float]:
    """The first and the third."""
    first, _, third = statistics.quantiles(ratios, n=4)
    return first, third


def loading(times: int = 5) -> tuple[float, float]:
    """(CPU seconds, MiB resident) of loading all: the medians."""
    seconds, mib = [], []
    for _ in range(times):
        done = subprocess.run(
            [sys.executable, "-c", LOADING], check=True, capture_output=True, text=True
        )
        took, more = map(float, done.stdout.split())
        seconds.append(took)
        mib.append(more)
    return statistics.median(seconds), statistics.median(mib)


if __name__ == "__main__":
    sys.exit(main())
