"""MB of log file per CPU second of a log worker, beside two plain ways to do the same.

    python -m tests.bench.logs [--size MEGABYTES] [--json]

The worker is the real process: discovery, tail, checkpoint, and a Forward server that only counts
and acknowledges. Its CPU time is user plus system of the whole process, from when a first line of
another container is acknowledged, so that all code is loaded as it is in the two others, until
everything is. It runs with the compiled loop and with the one in Python (AGENT_LOGS_NATIVE=0), each
plain, with gzip and with zstd.

    plain   one process without files, sockets or acknowledgements: split or json.loads, a dict,
            msgpack.packb for each line. Its bytes are compared with the worker's own.
    emit    the same, with FluentSender.emit_with_time for each record instead of packb, to a socket
            that is read and no more

Both take a tenth of a second, in which a machine with neighbours may be half or twice as fast: they
are run between the workers as well. Each worker with plain chunks is run five times. The median
counts.

Lines are made of words and numbers, their times nanoseconds with trailing zeros trimmed as Docker
and containerd write them. Machines differ: quote the ratios. --size 500 is the size of the figures
in the README; the default takes about a minute.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Literal

import msgpack
from fluent.sender import EventTime, FluentSender

from agent.log_destinations import FluentdDestination
from agent.logs.cri import CriParser
from agent.logs.docker_json import DockerParser
from exporters.fluentd import blocks
from exporters.fluentd.forward import Compression, ForwardEncoder
from tests.log_host import CONTAINER_ID, LogHost, Receiver, Worker, wait_for

BASE_NS = 1_795_000_000_000_000_000
FIELDS = {
    "container_name": "web",
    "container_id": CONTAINER_ID,
    "image": "demo:1",
    "runtime": "docker",
}
POD = "var/log/pods/shop_web-5f7d_0b3c8d1e-0000-4000-8000-000000000001/web"
FIRST_POD = "var/log/pods/shop_first-5f7d_0b3c8d1e-0000-4000-8000-000000000002/first"
MEGA = 1_000_000
COMPRESSIONS: tuple[Compression, ...] = ("none", "gzip", "zstd")
LOOKS = 5
"""Of each worker with plain chunks, which are what the ratios are about; the median counts."""
PART = 24 * MEGA
"""Bytes of different lines; a larger file repeats them."""
WORDS = [
    *("GET", "POST", "/api/v1/items", "/index.html", "HTTP/1.1", "200", "404", "info", "warning"),
    *("error", "user", "order", "payment", "timeout", "connection refused", "retry in", "ms"),
    *("took", "seconds", "cache", "miss", "hit", "id=", "trace=", "region=eu-1"),
]


def stamp(number: int) -> str:
    seconds, nanoseconds = divmod(BASE_NS + number * 10_007, 10**9)
    fraction = f"{nanoseconds:09d}".rstrip("0") or "0"
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{fraction}Z"


def texts(length: int) -> Iterator[str]:
    """Texts of `length` characters, without end, the same in every run."""
    chance = random.Random(length)
    pool = " ".join(
        chance.choice(WORDS) if chance.random() < 0.7 else f"{chance.randrange(1 << 32):x}"
        for _ in range(200_000)
    )
    while True:
        at = chance.randrange(len(pool) - length)
        yield pool[at : at + length]


def docker_lines(size: int, total: int = PART) -> bytes:
    """Whole lines of about `size` bytes, newline included."""
    return "".join(
        f'{{"log":"{text}\\n","stream":"stdout","time":"{stamp(number)}"}}\n'
        for number, text in zip(range(total // size), texts(size - 71), strict=False)
    ).encode()


def cri_lines(size: int, total: int = PART) -> bytes:
    """Whole lines of about `size` bytes, newline included."""
    return "".join(
        f"{stamp(number)} stdout F {text}\n"
        for number, text in zip(range(total // size), texts(size - 41), strict=False)
    ).encode()


def event_time(text: str) -> EventTime:
    second = datetime.fromisoformat(text[:19]).replace(tzinfo=UTC)
    return EventTime.from_unix_nano(
        int(second.timestamp()) * 10**9 + int(text[20:-1].ljust(9, "0"))
    )


def docker_records(data: bytes) -> Iterator[tuple[EventTime, dict[str, str]]]:
    for line in data.splitlines():
        row = json.loads(line)
        record = {"log": row["log"].removesuffix("\n"), "stream": row["stream"], **FIELDS}
        yield event_time(row["time"]), record


def cri_records(data: bytes) -> Iterator[tuple[EventTime, dict[str, str]]]:
    for line in data.splitlines():
        moment, stream, _tag, content = line.decode().split(" ", 3)
        yield event_time(moment), {"log": content, "stream": stream, **FIELDS}


@dataclass(frozen=True)
class Kind:
    name: Literal["docker", "cri"]
    line: int
    data: bytes

    def records(self, data: bytes) -> Iterator[tuple[EventTime, dict[str, str]]]:
        return (docker_records if self.name == "docker" else cri_records)(data)


@dataclass(frozen=True)
class Row:
    format: str
    line: int
    """Bytes."""
    way: str
    megabytes: float
    """Of log file in one CPU second."""
    records: float
    """In one CPU second."""
    peak_rss: float | None = None
    """MB."""
    times_plain: float | None = None
    times_emit: float | None = None


def plain(kind: Kind) -> float:
    """CPU seconds of the plain loop over 6 MB."""
    sample = _whole_lines(kind.data, 6 * MEGA)
    began = time.process_time()
    payload = b"".join(msgpack.packb(entry) for entry in kind.records(sample))
    seconds = time.process_time() - began
    parser = CriParser() if kind.name == "cri" else DockerParser()
    entries, _partial = parser.parse(sample[:-1].split(b"\n"), 0)
    if payload != ForwardEncoder(FIELDS).encode(entries):
        raise AssertionError("the plain loop makes other bytes")
    return seconds / len(sample)


def emit(kind: Kind, root: Path) -> float:
    """CPU seconds of the plain loop with FluentSender for each byte of log."""
    sample = _whole_lines(kind.data, MEGA * kind.line // 120)
    with Receiver(root / "sink", "--sink") as receiver:
        sender = FluentSender("container", port=receiver.port)
        began = time.process_time()
        for moment, record in kind.records(sample):
            if not sender.emit_with_time(None, moment, record):
                raise AssertionError(sender.last_error)
        seconds = time.process_time() - began
        sender.close()
    return seconds / len(sample)


def worker(
    kind: Kind, size: int, native: bool, compression: Compression, root: Path
) -> tuple[float, float]:
    """CPU seconds of the worker for each byte of log, and its peak RSS in MB."""
    host = LogHost(root / "host")
    if kind.name == "docker":
        log, first = host.add_container(), host.add_container("cd" * 32, "first")
    else:
        log, first = host.root / POD / "0.log", host.root / FIRST_POD / "0.log"
        log.parent.mkdir(parents=True)
        first.parent.mkdir(parents=True)
    first.write_bytes(kind.data[: kind.data.index(b"\n") + 1])
    repeats = max(1, size // len(kind.data))
    lines = repeats * kind.data.count(b"\n")
    with Receiver(root / "received", "--discard") as receiver:
        destination = FluentdDestination(port=receiver.port, compression=compression)
        environment = {"AGENT_LOGS_NATIVE": str(int(native))}
        given = host.worker_input(destination)
        with Worker(given, root / "errors", environment) as process:

            def acknowledged(records: int) -> bool:
                stats = process.stats
                return stats is not None and stats.destination.records >= records

            wait_for(lambda: acknowledged(1), 10, "the worker runs")
            aside = log.with_name("aside")
            with aside.open("wb") as file:
                for _ in range(repeats):
                    file.write(kind.data)
            cpu = process.cpu_seconds
            aside.rename(log)
            wait_for(lambda: acknowledged(lines + 1), 600, "every line is acknowledged")
            cpu = process.cpu_seconds - cpu
            stats = process.stats
            if stats is None or stats.worker.native is not native:
                raise AssertionError("another loop than the one asked for")
            return cpu / (repeats * len(kind.data)), process.peak_rss / MEGA


def measure(size: int) -> Iterator[Row]:
    """`size`: bytes of the file for plain chunks; compressed ones get a quarter."""
    for name, make in (("docker", docker_lines), ("cri", cri_lines)):
        for line in (120, 500):
            kind = Kind("docker" if name == "docker" else "cri", line, make(line))
            plain_costs, emit_costs = _one_by_one(kind)
            workers: list[tuple[str, float, float]] = []
            for native in (True, False) if blocks.NATIVE else (False,):
                for compression in COMPRESSIONS:
                    part, looks = (size, LOOKS) if compression == "none" else (size // 4, 1)
                    costs, peaks = [], []
                    for _ in range(looks):
                        with tempfile.TemporaryDirectory() as directory:
                            cost, rss = worker(kind, part, native, compression, Path(directory))
                        costs.append(cost)
                        peaks.append(rss)
                        more = _one_by_one(kind)
                        plain_costs, emit_costs = plain_costs + more[0], emit_costs + more[1]
                    way = "native" if native else "python"
                    if compression != "none":
                        way += " " + compression
                    workers.append((way, median(costs), max(peaks)))
            plain_cost, emit_cost = median(plain_costs), median(emit_costs)
            yield _row(kind, "plain", plain_cost)
            yield _row(kind, "emit", emit_cost)
            for way, cost, rss in workers:
                yield _row(kind, way, cost, rss, plain_cost, emit_cost)


def _one_by_one(kind: Kind) -> tuple[list[float], list[float]]:
    with tempfile.TemporaryDirectory() as directory:
        return [plain(kind)], [emit(kind, Path(directory))]


def _row(kind: Kind, way: str, cost: float, rss: float | None = None, *others: float) -> Row:
    line = len(kind.data) / kind.data.count(b"\n")
    row = Row(kind.name, kind.line, way, round(1 / cost / MEGA, 1), round(1 / cost / line), rss)
    if not others:
        return row
    to_plain, to_emit = (round(other / cost, 1) for other in others)
    return replace(row, times_plain=to_plain, times_emit=to_emit)


def _whole_lines(data: bytes, size: int) -> bytes:
    return data[: data.rfind(b"\n", 0, size) + 1]


def _number(value: float | None, form: Callable[[float], str] = "{:.1f}".format) -> str:
    return "" if value is None else form(value)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", type=int, default=192, help="MB of the largest file")
    parser.add_argument("--json", action="store_true", help="one JSON object for each row")
    options = parser.parse_args()
    if not options.json:
        print("                        MB   thousand records    peak    times    times")
        print("format line way      of log     in a CPU second  RSS MB   plain     emit")
    for row in measure(options.size * MEGA):
        if options.json:
            print(json.dumps(asdict(row)))
        else:
            print(
                f"{row.format:6} {row.line:4} {row.way:11} {row.megabytes:6.1f}"
                f" {row.records / 1000:17.1f} {_number(row.peak_rss):>7}"
                f" {_number(row.times_plain):>7} {_number(row.times_emit):>8}"
            )
        sys.stdout.flush()


if __name__ == "__main__":
    main()
