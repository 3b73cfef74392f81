"""CPU time of a full scrape: read every cgroup, write the page, compress it.

    PYTHONPATH=. python tests/bench/scrape.py [--passes 9] [--json]

On a made-up host in memory whose cgroups have a captured host's texts (`synthetic.py`), with the
groups of metrics that are on by default. Two lines for each size:

    idle    no file changed since the last scrape
    busy    every container did something: eight files of each are different

beside a C program that only opens, reads and closes the same files. Targets: 400 cgroups, busy, at
most 4 times the C program's CPU; 1,000 cgroups, busy, at most 3% of a core when scraped every 15 s.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from agent import compression
from agent.cgroupfs.v2 import SETTINGS
from agent.container.discovery import Discovery
from agent.sampler import Sampler
from exporters.prometheus.catalog import metrics_of, select
from exporters.prometheus.encoder import Encoder
from tests.bench.sweep import compile_c, cpu_in_c
from tests.bench.synthetic import SyntheticHost, synthetic_host

MOST_OF_C = 4.0
MOST_OF_CORE = 0.03
INTERVAL = 15.0


@dataclass(frozen=True, slots=True)
class Cost:
    """Milliseconds of CPU of one scrape, medians."""

    read: float
    page: float
    """Written and compressed, piece by piece."""

    @property
    def total(self) -> float:
        """The whole scrape."""
        return self.read + self.page


@dataclass(frozen=True, slots=True)
class Result:
    """One size of host."""

    cgroups: int
    files: int
    series: int
    c: float
    """Milliseconds of the C program."""
    idle: Cost
    busy: Cost


class Scraper:
    """A sampler and an encoder that know every container already."""

    def __init__(self, host: SyntheticHost) -> None:
        groups = select()
        self._sampler = Sampler(host.paths, groups={group.name for group in groups})
        self._encoder = Encoder(metrics_of(groups))
        now = [0.0]
        # No process runs in there, so containers would be looked up again for some seconds.
        self._sampler._discovery = Discovery(host.paths, lambda: now[0])
        # Limits are read each time while a cgroup is young, and then once a minute.
        self._sampler._tree._now = lambda: now[0]
        for _ in range(8):
            self._sampler.snapshot()
            now[0] += 60

    @property
    def files(self) -> list[str]:
        """What is read each time."""
        return [
            file.path
            for kept in self._sampler._tree._kept.values()
            for file in (*kept._counters.files, *kept._loose)
            if file.place.row.field not in SETTINGS
        ]

    def scrape(self) -> Cost:
        """One scrape."""
        begin = time.process_time_ns()
        snapshot = self._sampler.snapshot()
        read = time.process_time_ns()
        for _ in compression.compress(self._encoder.encode(snapshot)):
            pass
        end = time.process_time_ns()
        return Cost((read - begin) / 1e6, (end - read) / 1e6)

    def series(self) -> int:
        """Series on the page."""
        pieces = self._encoder.encode(self._sampler.snapshot())
        return sum(not line.startswith(b"#") for piece in pieces for line in piece.splitlines())

    def close(self) -> None:
        """Close every kept file."""
        self._sampler.close()


@contextmanager
def scraping(cgroups: int) -> Iterator[tuple[SyntheticHost, Scraper]]:
    """A host of so many cgroups and what scrapes it."""
    with synthetic_host(cgroups) as host:
        scraper = Scraper(host)
        try:
            yield host, scraper
        finally:
            scraper.close()


def main() -> int:
    """Run the benchmark; 1 if a target is missed."""
    parser = argparse.ArgumentParser(description="CPU of a full scrape.")
    parser.add_argument("--passes", type=int, default=9)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    results = [measure(cgroups, arguments.passes) for cgroups in (400, 1000)]
    of_c = results[0].busy.total / results[0].c
    of_core = results[1].busy.total / 1000 / INTERVAL
    met = of_c <= MOST_OF_C and of_core <= MOST_OF_CORE
    if arguments.json:
        rows = [asdict(result) for result in results]
        print(json.dumps({"rows": rows, "of_c": of_c, "of_core": of_core, "met": met}))
    else:
        _print(results, of_c, of_core)
    return 0 if met else 1


def measure(cgroups: int, passes: int) -> Result:
    """Time idle and busy scrapes and the C program in turns."""
    with scraping(cgroups) as (host, scraper), tempfile.TemporaryDirectory() as directory:
        program = compile_c(Path(directory))
        files = scraper.files
        idle, busy, in_c = [], [], []
        for number in range(passes):
            idle.append(scraper.scrape())
            host.work(number)
            busy.append(scraper.scrape())
            in_c.append(cpu_in_c(program, files))
        series = scraper.series()
    return Result(cgroups, len(files), series, statistics.median(in_c), median(idle), median(busy))


def median(costs: list[Cost]) -> Cost:
    """The median of each part."""
    return Cost(
        statistics.median(cost.read for cost in costs),
        statistics.median(cost.page for cost in costs),
    )


def _print(results: list[Result], of_c: float, of_core: float) -> None:
    print(f"CPU of a scrape in ms, compressed by {compression.BY}\n")
    print(
        f"{'':>7} {'':6}{'series':>8}{'read':>8}{'page':>8}{'total':>8}"
        f"{'us/cgroup':>11}{'C':>8}{'of C':>7}{'of core':>9}"
    )
    for result in results:
        for word, cost in (("idle", result.idle), ("busy", result.busy)):
            print(
                f"{result.cgroups:>7} {word:6}{result.series:8}{cost.read:8.1f}{cost.page:8.1f}"
                f"{cost.total:8.1f}{cost.total / result.cgroups * 1000:11.0f}"
                f"{result.c:8.1f}{cost.total / result.c:7.2f}"
                f"{cost.total / 1000 / INTERVAL:9.2%}"
            )
    print(
        f"\ntarget: 400 busy / C <= {MOST_OF_C:.0f}, {_verdict(of_c <= MOST_OF_C)} with {of_c:.2f}"
    )
    print(
        f"target: 1,000 busy every {INTERVAL:.0f} s <= {MOST_OF_CORE:.0%} of a core, "
        f"{_verdict(of_core <= MOST_OF_CORE)} with {of_core:.2%}"
    )


def _verdict(met: bool) -> str:
    return "met" if met else "missed"


if __name__ == "__main__":
    sys.exit(main())
