"""What the history costs: bytes on disk, and CPU beside reading the Snapshot it keeps.

    flock /tmp/bench.lock .venv/bin/python -m tests.bench.history [--containers 100] [--rounds 60]

A made-up host (`synthetic.py`) on which every container does something before each Snapshot, and
then the same where one in ten does; both with as many notes of closer looks as there may be, of the
longest lines. Targets: a day of Snapshots 10 s apart of 100 containers that
all work takes at most 200 MB, and writing one costs at most half of the CPU of reading it.

It also reads the file again, and says what a step through the past costs.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from statistics import median
from typing import TypeVar

from agent.diagnosis.finding import Evidence
from agent.diagnosis.note import Note
from agent.drilldown.looking import AGAIN, MOST
from agent.history.reader import History
from agent.history.ring import SEGMENT_SECONDS, Bounds, Ring
from agent.lifecycle.totals import Identity
from agent.model import Snapshot
from agent.sampler import Sampler
from tests.bench.synthetic import SyntheticHost, synthetic_host

T = TypeVar("T")

INTERVAL = 10.0
MOST_BYTES = 200e6
MOST_CPU = 0.5
GROUPS = ("process", "netstat", "cpuset", "memory_events", "cpu")


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of host."""

    busy: float
    """Share of the containers that did something."""
    bytes_each: float
    """Per container and Snapshot."""
    day: float
    """Bytes of 24 h of all of them."""
    read_ms: float
    """CPU of reading the host once, median."""
    write_ms: float
    """CPU of adding it to the history."""
    resident: int
    """Bytes that the process grew by at most while it wrote."""
    decode_ms: float
    """CPU of one Snapshot read back, over a segment."""

    @property
    def ratio(self) -> float:
        """Writing / reading the host."""
        return self.write_ms / self.read_ms


def main() -> int:
    """Run the benchmark; 1 if a target is missed."""
    parser = argparse.ArgumentParser(description="What the history costs.")
    parser.add_argument("--containers", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    # Every fourth cgroup is a pod's own.
    with synthetic_host(arguments.containers * 4 // 3) as host:
        rows = [
            measure(host, arguments.containers, share, arguments.rounds) for share in (1.0, 0.1)
        ]
    day = rows[0].day * 100 / arguments.containers
    met = day <= MOST_BYTES and rows[0].ratio <= MOST_CPU
    if arguments.json:
        print(json.dumps({"rows": [asdict(row) for row in rows], "met": met}))
        return 0 if met else 1
    print(f"{arguments.containers} containers, a Snapshot each {INTERVAL:g} s\n")
    print("  busy  bytes/container   24 h    read  write  ratio  RSS more  decode")
    for row in rows:
        print(
            f"{row.busy:>6.0%}{row.bytes_each:>17.0f}{row.day / 1e6:>5.0f} MB"
            f"{row.read_ms:>5.1f} ms{row.write_ms:>4.1f} ms{row.ratio:>7.2f}"
            f"{row.resident / 1e6:>7.1f} MB{row.decode_ms:>5.1f} ms"
        )
    print(
        f"\ntarget: 100 busy ones in {MOST_BYTES / 1e6:.0f} MB, "
        f"{'met' if day <= MOST_BYTES else 'missed'} with {day / 1e6:.0f} MB"
        f"\ntarget: writing / reading <= {MOST_CPU}, "
        f"{'met' if rows[0].ratio <= MOST_CPU else 'missed'} with {rows[0].ratio:.2f}"
    )
    return 0 if met else 1


def measure(host: SyntheticHost, containers: int, share: float, rounds: int) -> Row:
    """Write `rounds` Snapshots as they would be taken 10 s apart."""
    some = replace(host, cgroups=host.cgroups[: round(len(host.cgroups) * share)])
    with tempfile.TemporaryDirectory() as directory, Sampler(host.paths, groups=GROUPS) as sampler:
        ring = Ring(directory, Bounds(10**9, 1e9))
        ring.add(_moved(sampler.snapshot(), 0))
        before = _most_resident()
        reads, writes = [], []
        for number in range(1, rounds):
            some.work(number)
            snapshot, spent = _timed(sampler.snapshot)
            reads.append(spent)
            moved = _moved(snapshot, number)
            _, spent = _timed(lambda moved=moved: ring.add(moved))  # type: ignore[misc]
            writes.append(spent)
            if not number % (AGAIN // INTERVAL):
                for note in _notes(number, moved.wall_time):
                    ring.event(note)
        resident = _most_resident() - before
        ring.close()
        each = ring.bytes / rounds
        past = History(directory)
        moments = past.moments(0, 1e12)
        inside = [moment for moment in moments if moment < moments[0] + SEGMENT_SECONDS]
        _, decoding = _timed(lambda: past.snapshot(inside[-1]))
    return Row(
        busy=share,
        bytes_each=each / containers,
        day=each * 86_400 / INTERVAL,
        read_ms=median(reads) * 1000,
        write_ms=median(writes) * 1000,
        resident=resident,
        decode_ms=decoding * 1000 / len(inside),
    )


def _notes(number: int, at: float) -> Iterator[Note]:
    """As many, and as long, as there may be: lines of a log that never say the same."""
    chance = random.Random(number)
    for container in range(MOST):
        lines = (chance.randbytes(90).hex() for _ in range(3))
        yield Note(
            at=at,
            identity=Identity("", "", "", f"container-{container}"),
            rule="crash_loop",
            evidence=tuple(Evidence(f"it printed: {line}", "/var/lib/x.log") for line in lines),
        )


def _moved(snapshot: Snapshot, number: int) -> Snapshot:
    """The same, at its place in a day."""
    at = 1000 + number * INTERVAL
    late = at - snapshot.taken_at
    samples = tuple(replace(sample, read_at=sample.read_at + late) for sample in snapshot.samples)
    return replace(snapshot, taken_at=at, wall_time=1.76e9 + at, samples=samples)


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    start = time.thread_time()
    result = work()
    return result, time.thread_time() - start


def _most_resident() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    sys.exit(main())
