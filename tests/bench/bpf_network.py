"""What the network probes cost a connection and a packet, over the loopback.

    python -m tests.bench.bpf_network [--rounds 9] [--loader libbpf] [--json]

One thread is both ends (ping_pong.c), so all the work, the network's too, is in its CPU time. Each
round runs every workload without a probe and with each set of probes; a ratio is of one round, and
the median of all is told. Needs the rights to load them.

    connect   a TCP connection: made, accepted, closed by both ends
    tcp, udp  one byte there and one back: two packets, each sent and received here

The target is for what is always on: 1.10 of a connection, and 1.02 of a packet.
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
from typing import Any, Final, Literal

from agent.bpf.dns import DNS
from agent.bpf.loader import ProbeUnavailable, open_probe
from agent.bpf.probe import Kind
from agent.bpf.tcp import TCP
from agent.bpf.traffic import BYTES

COUNTS: Final = {"connect": 1500, "tcp": 8000, "udp": 12000}
"""Workload -> operations of one run: some 0.1 s."""
SETS: Final[Sequence[tuple[Kind[Any], ...]]] = ((TCP,), (BYTES,), (DNS,), (BYTES, DNS))
TARGETS: Final = {("connect", "tcp"): 1.10, ("tcp", "tcp"): 1.02, ("udp", "tcp"): 1.02}


@dataclass(frozen=True, slots=True)
class Row:
    """One workload with one set of probes: medians of all rounds."""

    workload: str
    probes: str
    ns: float
    """CPU of an operation."""
    added_ns: float
    ratio: float
    target: float | None


def main() -> int:
    """Run the benchmark; 1 if a target is missed."""
    arguments = argparse.ArgumentParser(description="CPU of network probes.")
    arguments.add_argument("--rounds", type=int, default=9)
    arguments.add_argument("--loader", choices=("libbpf", "bcc"), default="libbpf")
    arguments.add_argument("--json", action="store_true")
    options = arguments.parse_args()
    try:
        rows = list(measure(options.rounds, options.loader))
    except ProbeUnavailable as error:
        print(f"no probe runs here: {error.reason}", file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps([asdict(row) for row in rows]))
    else:
        _print(rows)
    return int(any(row.target is not None and row.ratio > row.target for row in rows))


def measure(rounds: int, loader: Literal["libbpf", "bcc"]) -> Iterator[Row]:
    """A row for each workload and set of probes."""
    with ExitStack() as closing:
        binary = compile_c(Path(closing.enter_context(tempfile.TemporaryDirectory())))
        kinds = {kind.name: kind for kinds in SETS for kind in kinds}
        # Loaded once. Attaching what was detached waits for no compiler.
        probes = {
            name: closing.enter_context(open_probe(kind, loader)) for name, kind in kinds.items()
        }
        for probe in probes.values():
            probe.detach()
        for workload, count in COUNTS.items():
            without: list[float] = []
            found: dict[str, list[float]] = {}
            for _ in range(rounds):
                without.append(cpu(binary, workload, count))
                for group in SETS:
                    for kind in group:
                        probes[kind.name].attach()
                    names = " + ".join(kind.name for kind in group)
                    found.setdefault(names, []).append(cpu(binary, workload, count))
                    for kind in group:
                        probes[kind.name].detach()
            yield Row(workload, "", statistics.median(without), 0.0, 1.0, None)
            for names, times in found.items():
                yield Row(
                    workload,
                    names,
                    statistics.median(times),
                    statistics.median(a - b for a, b in zip(times, without, strict=True)),
                    statistics.median(a / b for a, b in zip(times, without, strict=True)),
                    TARGETS.get((workload, names)),
                )


def compile_c(directory: Path) -> Path:
    """Build the C program in `directory`."""
    binary = directory / "ping_pong"
    source = Path(__file__).with_name("ping_pong.c")
    subprocess.run(["cc", "-O2", "-Wall", "-o", str(binary), str(source)], check=True)
    return binary


def cpu(binary: Path, workload: str, count: int) -> float:
    """Nanoseconds of CPU of one operation."""
    done = subprocess.run(
        [str(binary), workload, str(count)], check=True, capture_output=True, text=True
    )
    return float(done.stdout)


def _print(rows: Sequence[Row]) -> None:
    print(f"{'':28}{'ns':>9}{'added':>9}{'ratio':>8}{'target':>8}")
    for row in rows:
        label = f"{row.workload:9}{row.probes or 'no probe'}"
        target = "" if row.target is None else f"{row.target:.2f}"
        print(f"{label:28}{row.ns:9.0f}{row.added_ns:9.0f}{row.ratio:8.3f}{target:>8}")


if __name__ == "__main__":
    sys.exit(main())
