"""How the cost of a scrape grows with the host: 50 to 1,600 cgroups.

    python -m tests.bench.growth [--passes 7] [--rounds 3] [--json]

Each size is a process of its own, three times in turns with the others, so that what else the
machine does falls on all alike; the run with the median CPU counts. It scrapes a made-up host
(`synthetic.py`) on which every container does something between two scrapes. Memory is what is
resident (VmRSS) after them; the line through all sizes tells what a cgroup takes of it. Targets:
CPU per cgroup at every size within 10% of the mean over all sizes, and at most 60 KB of memory a
cgroup.

Where a process may not have enough files open for all cgroups (a hard limit of 20,000 is enough for
900), the others' files are opened at each scrape, which is in the figures.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from agent import compression
from tests.bench.scrape import median, scraping

SIZES = (50, 100, 200, 400, 800, 1600)
MOST_OFF = 0.10
MOST_BYTES = 60_000


@dataclass(frozen=True, slots=True)
class Size:
    """One size of host."""

    cgroups: int
    milliseconds: float
    """CPU of a scrape, median."""
    resident: int
    """VmRSS in bytes."""
    kept: int
    """Files kept open."""


def main() -> int:
    """Run the benchmark; 1 if a target is missed."""
    parser = argparse.ArgumentParser(description="How a scrape's cost grows with the host.")
    parser.add_argument("--passes", type=int, default=7)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one is not None:
        print(json.dumps(asdict(measure(arguments.one, arguments.passes))))
        return 0
    rounds = [
        [_in_a_process(cgroups, arguments.passes) for cgroups in SIZES]
        for _ in range(arguments.rounds)
    ]
    sizes = [_middle(runs) for runs in zip(*rounds, strict=True)]
    each = [size.milliseconds / size.cgroups for size in sizes]
    off = max(abs(one / statistics.mean(each) - 1) for one in each)
    bytes_each = statistics.linear_regression(
        [size.cgroups for size in sizes], [size.resident for size in sizes]
    ).slope
    met = off <= MOST_OFF and bytes_each <= MOST_BYTES
    if arguments.json:
        rows = [asdict(size) for size in sizes]
        print(json.dumps({"rows": rows, "off": off, "bytes_per_cgroup": bytes_each, "met": met}))
    else:
        _print(sizes, off, bytes_each)
    return 0 if met else 1


def measure(cgroups: int, passes: int) -> Size:
    """Scrape one host in this process."""
    with scraping(cgroups) as (host, scraper):
        busy = []
        for number in range(passes):
            host.work(number)
            busy.append(scraper.scrape())
        kept = sum(one.kept for one in scraper._sampler._tree._kept.values())
        return Size(cgroups, median(busy).total, _resident(), kept)


def _middle(runs: tuple[Size, ...]) -> Size:
    """The run whose CPU is the median; the lower one of two."""
    return sorted(runs, key=lambda run: run.milliseconds)[(len(runs) - 1) // 2]


def _in_a_process(cgroups: int, passes: int) -> Size:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "tests.bench.growth"),
            *("--one", str(cgroups), "--passes", str(passes)),
        ],
        check=True,
        stdout=subprocess.PIPE,
    )
    return Size(**json.loads(done.stdout))


def _resident() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024


def _print(sizes: list[Size], off: float, bytes_each: float) -> None:
    mean = statistics.mean(size.milliseconds / size.cgroups for size in sizes)
    print(f"busy scrapes, compressed by {compression.BY}\n")
    print(
        f"{'cgroups':>8}{'CPU ms':>9}{'us/cgroup':>11}{'off mean':>10}{'RSS MB':>8}"
        f"{'files kept':>12}"
    )
    for size in sizes:
        each = size.milliseconds / size.cgroups
        print(
            f"{size.cgroups:>8}{size.milliseconds:>9.1f}{each * 1000:>11.0f}"
            f"{each / mean - 1:>10.1%}{size.resident / 1e6:>8.1f}{size.kept:>12}"
        )
    print(
        f"\ntarget: off the mean <= {MOST_OFF:.0%}, {_verdict(off <= MOST_OFF)} with {off:.1%}"
        f"\ntarget: memory a cgroup <= {MOST_BYTES // 1000} KB, "
        f"{_verdict(bytes_each <= MOST_BYTES)} with {bytes_each / 1000:.1f} KB"
    )


def _verdict(met: bool) -> str:
    return "met" if met else "missed"


if __name__ == "__main__":
    sys.exit(main())
