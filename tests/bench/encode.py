"""CPU time of writing a page of 25,000 series, against prometheus_client's writer.

    PYTHONPATH=. python tests/bench/encode.py [--series 25000] [--passes 9] [--json]

Both write the same samples (checked by reading both pages back) with the kubelet's labels, in the
text format and in OpenMetrics, and compress them: we at level 1 as the agent does, they at level 9
as prometheus_client does. Their families are made before the clock starts; our labels were written
by an earlier page, as at every scrape but the first. Passes take turns, medians count.

The target is 15 times less CPU for text, compression included, with ISA-L; without it zlib alone
takes more than the target leaves.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from agent import compression
from agent.model import Snapshot
from exporters.prometheus.encoder import Encoder
from exporters.prometheus.format import OPENMETRICS, TEXT, Format
from tests.agent.snapshots import interface, sample
from tests.bench.synthetic import container_labels
from tests.exporters.prometheus import whole

TARGET = 15.0


@dataclass(frozen=True, slots=True)
class Result:
    """Milliseconds of CPU a page, medians."""

    series: int
    bytes: int
    compressed_by: str
    ours_text: float
    ours_openmetrics: float
    ours_gzip: float
    theirs_text: float
    theirs_openmetrics: float
    theirs_gzip: float

    @property
    def ratio(self) -> float:
        """How much less we take, gzip included."""
        return (self.theirs_text + self.theirs_gzip) / (self.ours_text + self.ours_gzip)


class Fixed(Collector):
    """Families that were made before."""

    def __init__(self, families: list[Family]) -> None:
        self._families = families

    def collect(self) -> Iterable[Family]:
        """All of them."""
        return self._families


def main() -> int:
    """Run the benchmark; 1 if the target is missed."""
    parser = argparse.ArgumentParser(description="CPU of a page against prometheus_client's.")
    parser.add_argument("--series", type=int, default=25_000)
    parser.add_argument("--passes", type=int, default=9)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    result = measure(arguments.series, arguments.passes)
    if arguments.json:
        print(json.dumps(asdict(result) | {"ratio": result.ratio, "target": TARGET}))
    else:
        _print(result)
    return 0 if result.ratio >= TARGET else 1


def measure(series: int, passes: int) -> Result:
    """Time both on a Snapshot of about so many series."""
    encoder = Encoder()
    per_container = _count(b"".join(encoder.encode(snapshot(1)))) - _count(
        b"".join(encoder.encode(snapshot(0)))
    )
    made = snapshot(series // per_container)
    page = b"".join(encoder.encode(made))
    registry = CollectorRegistry()
    registry.register(Fixed(_families(page)))
    if _samples(generate_latest(registry)) != _samples(page):
        raise RuntimeError("the two pages do not say the same")
    theirs = generate_latest(registry)
    work: dict[str, Callable[[], object]] = {
        "ours_text": lambda: _drain(encoder.encode(made)),
        "ours_openmetrics": lambda: _drain(encoder.encode(made, OPENMETRICS)),
        "ours_gzip": lambda: _drain(compression.compress(_pieces(encoder, made, TEXT))),
        "theirs_text": lambda: generate_latest(registry),
        "theirs_openmetrics": lambda: generate_openmetrics(registry),  # type: ignore[no-untyped-call]
        "theirs_gzip": lambda: gzip.compress(theirs),
    }
    times: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(passes):
        for name, run in work.items():
            times[name].append(_cpu(run))
    medians = {name: statistics.median(found) for name, found in times.items()}
    # Ours is measured as the agent does it, piece by piece while the page is made.
    medians["ours_gzip"] -= medians["ours_text"]
    return Result(_count(page), len(page), compression.BY, **medians)


def snapshot(containers: int) -> Snapshot:
    """A node's containers, with numbers as long as they are after some days."""
    numbers = random.Random(1)
    samples = []
    for number in range(containers):
        path, container = container_labels(number)
        samples.append(
            sample(
                whole.long_reading(numbers),
                inode=number + 10,
                path=path,
                container=container,
                network=(
                    (interface("eth0", numbers.randrange(10**10), numbers.randrange(10**9)),)
                    if number % 4 == 1
                    else None
                ),
            )
        )
    return whole.snapshot(*samples) if samples else whole.snapshot(sample(path="/none"))


def _families(page: bytes) -> list[Family]:
    """The families of a page, as somebody using prometheus_client would have made them."""
    families = []
    for family in text_string_to_metric_families(page.decode()):
        made = Family(family.name, family.documentation, family.type)
        made.samples = list(family.samples)
        families.append(made)
    return families


def _samples(page: bytes) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (found.name, frozenset(found.labels.items())): found.value
        for family in text_string_to_metric_families(page.decode())
        for found in family.samples
    }


def _pieces(encoder: Encoder, made: Snapshot, form: Format) -> Iterable[bytes]:
    yield from encoder.encode(made, form)
    yield form.end


def _drain(pieces: Iterable[bytes]) -> None:
    for _ in pieces:
        pass


def _cpu(work: Callable[[], object]) -> float:
    start = time.process_time_ns()
    work()
    return (time.process_time_ns() - start) / 1e6


def _count(page: bytes) -> int:
    return sum(1 for line in page.splitlines() if not line.startswith(b"#"))


def _print(result: Result) -> None:
    print(
        f"{result.series} series, {result.bytes / result.series:.0f} bytes each, "
        f"compressed by {result.compressed_by}; CPU\n"
    )
    print(f"{'':24}{'ours ms':>10}{'us/series':>11}{'theirs ms':>11}{'us/series':>11}{'ratio':>8}")
    for label, ours, theirs in (
        ("text", result.ours_text, result.theirs_text),
        ("OpenMetrics", result.ours_openmetrics, result.theirs_openmetrics),
        ("gzip, levels 1 and 9", result.ours_gzip, result.theirs_gzip),
        (
            "text and gzip",
            result.ours_text + result.ours_gzip,
            result.theirs_text + result.theirs_gzip,
        ),
    ):
        each = 1000 / result.series
        print(
            f"{label:24}{ours:10.1f}{ours * each:11.2f}{theirs:11.1f}{theirs * each:11.2f}"
            f"{theirs / ours:8.1f}"
        )
    verdict = "met" if result.ratio >= TARGET else "missed"
    print(f"\ntarget: theirs / ours >= {TARGET:.0f}, {verdict} with {result.ratio:.1f}")


if __name__ == "__main__":
    sys.exit(main())
