"""What `agent top` costs: beside the sampling it shows, and beside htop, glances and docker stats.

    PYTHONPATH=. python tests/bench/top.py [--seconds 20] [--rounds 3] [--json]

60 containers run meanwhile, in the Docker that answers here or in a private one. All programs show
them on a terminal of 165 x 50, one after the other, at one reading a second, in turns, so that what
else the machine does falls on all alike; medians count. "sampling" is the sampler that `agent top`
has, with all that the rules look at, and no screen. A program that is not installed is left out,
which is said. docker stats is its client alone: what it costs dockerd is not in it.

Targets: at most 2% of a core above sampling, 40 MB, 200 ms to the first table.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.bench.containers import CannotRun, a_docker, running
from tests.host.terminal import TerminalProgram

SIZE = (165, 50)
WARM = 6.0
"""Seconds from the start on that are not counted: starts, first diagnosis."""
MOST_ABOVE = 0.02
MOST_BYTES = 40 * 1024 * 1024
MOST_FIRST = 0.2

_SAMPLING = """
import time
from contextlib import ExitStack
from agent.cli.diagnosing import open_sampler
from agent.configfile import load
import os
with ExitStack() as stack:
    sampler, start = open_sampler(load(None, os.environ, []), stack)
    due = time.monotonic()
    sampler.snapshot()
    start()
    print("NAME", flush=True)
    while True:
        due += 1.0
        time.sleep(max(0.0, due - time.monotonic()))
        sampler.snapshot()
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """One program, one round."""

    cores: float
    """CPU seconds a second, of the program and its children."""
    resident: int
    """VmRSS in bytes, likewise."""
    first: float
    """Seconds until its table was there."""
    written: float
    """Bytes a second to the terminal."""


def main() -> int:
    """Run the benchmark; 1 if a target is missed."""
    parser = argparse.ArgumentParser(description="What agent top costs.")
    parser.add_argument("--containers", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    busy = [os.getloadavg()[0]]
    try:
        with a_docker(), running(arguments.containers):
            rounds = _rounds(arguments.rounds, arguments.seconds)
    except CannotRun as error:
        print(f"top: {error}", file=sys.stderr)
        return 1
    busy.append(os.getloadavg()[0])
    costs = {name: _median(found) for name, found in rounds.items()}
    if arguments.json:
        print(json.dumps({name: asdict(cost) for name, cost in costs.items()}))
    else:
        _print(costs, busy)
    ours, above = costs["agent top"], costs["agent top"].cores - costs["sampling"].cores
    slow = ours.first > MOST_FIRST
    return int(above > MOST_ABOVE or ours.resident > MOST_BYTES or slow)


def _rounds(count: int, seconds: float) -> dict[str, list[Cost]]:
    programs = _programs()
    found: dict[str, list[Cost]] = {name: [] for name in programs}
    for _ in range(count):
        for name, (command, sign) in programs.items():
            found[name].append(_measure(command, sign, seconds))
    return found


def _programs() -> dict[str, tuple[Sequence[str], bytes]]:
    """Name → how it is started, and what its output has once the table is there."""
    agent = [sys.executable, "-m", "agent"]
    found: dict[str, tuple[Sequence[str], bytes]] = {
        "sampling": ([sys.executable, "-c", _SAMPLING], b"NAME"),
        "agent top": ([*agent, "top"], b"NAME"),
    }
    others: dict[str, tuple[Sequence[str], bytes]] = {
        "htop": (["htop", "-d", "10"], b"PID"),
        "glances": (["glances", "-t", "1"], b"CPU"),
        "docker stats": (["docker", "stats"], b"NAME"),
    }
    for name, (command, sign) in others.items():
        if shutil.which(command[0]) is None:
            print(f"{name}: not installed", file=sys.stderr)
        else:
            found[name] = command, sign
    return found


def _measure(command: Sequence[str], sign: bytes, seconds: float) -> Cost:
    begun = time.monotonic()
    with TerminalProgram(command, columns=SIZE[0], lines=SIZE[1]) as program:
        program.wait_for(lambda _: sign in program.output, "its table", 60.0)
        first = time.monotonic() - begun
        _drain(program, begun + WARM)
        used, written, at = _used(program.process.pid), len(program.output), time.monotonic()
        _drain(program, at + seconds)
        length = time.monotonic() - at
        return Cost(
            (_used(program.process.pid) - used) / length,
            _resident(program.process.pid),
            first,
            (len(program.output) - written) / length,
        )


def _drain(program: TerminalProgram, until: float) -> None:
    """Read what it writes, so that it never waits for its terminal."""
    while time.monotonic() < until:
        program.read(min(0.2, max(0.0, until - time.monotonic())))


def _tree(pid: int) -> list[int]:
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += _tree(int(child))
    return found


def _used(pid: int) -> float:
    ticks = 0
    for each in _tree(pid):
        fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _resident(pid: int) -> int:
    pages = sum(int(Path(f"/proc/{each}/statm").read_text().split()[1]) for each in _tree(pid))
    return pages * os.sysconf("SC_PAGE_SIZE")


def _median(found: Sequence[Cost]) -> Cost:
    return Cost(
        statistics.median(cost.cores for cost in found),
        int(statistics.median(cost.resident for cost in found)),
        statistics.median(cost.first for cost in found),
        statistics.median(cost.written for cost in found),
    )


def _print(costs: dict[str, Cost], busy: Sequence[float]) -> None:
    print(f"load average {busy[0]:.1f} to {busy[-1]:.1f} on {os.cpu_count()} CPUs")
    print(f"{'':14}{'CPU, % of a core':>18}{'memory':>10}{'first table':>14}{'written/s':>12}")
    for name, cost in costs.items():
        print(
            f"{name:14}{cost.cores * 100:>18.2f}{cost.resident / 2**20:>8.1f}MB"
            f"{cost.first * 1000:>12.0f}ms{cost.written / 1024:>10.1f}KB"
        )
    above = costs["agent top"].cores - costs["sampling"].cores
    print(f"agent top above sampling: {above * 100:.2f}% of a core")


if __name__ == "__main__":
    raise SystemExit(main())
