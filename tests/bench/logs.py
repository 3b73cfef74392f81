"""MB of log file per CPU second of a log worker, against a plain loop over the same lines.

    python -m tests.bench.logs [--megabytes 48]

The worker is the real process: discovery, tail, checkpoint and a Forward server that only counts
and acknowledges. Its CPU time is user plus system from its first statistics on until everything is
acknowledged and in the checkpoint. The plain loop, in this process, does the least that could be
called the same: split, parse (json.loads or split), a dict, msgpack.packb. It opens, sends,
acknowledges and remembers nothing. Machines differ: quote the ratio.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from datetime import datetime
from pathlib import Path

import msgpack

from agent.config import FluentdDestination
from tests.log_host import CONTAINER_ID, LogHost, Receiver, Worker, wait_for

BASE_NS = 1_795_000_000_000_000_000
FIELDS = {
    "container_name": "web",
    "container_id": CONTAINER_ID,
    "image": "demo:1",
    "runtime": "docker",
}
POD = "var/log/pods/shop_web-5f7d_0b3c8d1e-0000-4000-8000-000000000001/web"


def stamp(number: int) -> str:
    seconds, nanoseconds = divmod(BASE_NS + number * 10_007, 10**9)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{nanoseconds:09d}Z"


def docker_lines(size: int, total: int) -> bytes:
    text = f"GET /index.html 200 {'x' * (size - 108)}"
    out = []
    for number in range(total // size):
        log = f"{number:08d} {text}"
        out.append(f'{{"log":"{log}\\n","stream":"stdout","time":"{stamp(number)}"}}\n')
    return "".join(out).encode()


def cri_lines(size: int, total: int) -> bytes:
    text = f"GET /index.html 200 {'x' * (size - 69)}"
    return "".join(
        f"{stamp(number)} stdout F {number:08d} {text}\n" for number in range(total // size)
    ).encode()


def plain_docker(data: bytes) -> int:
    """Return bytes made, so that nothing can be left out."""
    made = 0
    for line in data.splitlines():
        row = json.loads(line)
        moment = datetime.fromisoformat(row["time"])
        record = {"log": row["log"][:-1], "stream": row["stream"], **FIELDS}
        made += len(msgpack.packb([moment.timestamp(), record]))
    return made


def plain_cri(data: bytes) -> int:
    made = 0
    for line in data.splitlines():
        time_text, stream, _tag, content = line.decode().split(" ", 3)
        moment = datetime.fromisoformat(time_text)
        record = {"log": content, "stream": stream, **FIELDS}
        made += len(msgpack.packb([moment.timestamp(), record]))
    return made


def plain_speed(data: bytes, kind: str) -> float:
    sample = data[: 8 * 1024 * 1024]
    sample = sample[: sample.rfind(b"\n") + 1]
    began = time.process_time()
    (plain_docker if kind == "docker" else plain_cri)(sample)
    return len(sample) / (time.process_time() - began) / 1e6


def worker_speed(data: bytes, kind: str, root: Path) -> tuple[float, float, int]:
    """MB per CPU second, MB per second of wall time, peak RSS in bytes."""
    host = LogHost(root / "host")
    if kind == "docker":
        log = host.add_container()
    else:
        log = host.root / POD / "0.log"
        log.parent.mkdir(parents=True)
    given = None
    with Receiver(root / "received", "--discard") as receiver:
        given = host.worker_input(FluentdDestination(port=receiver.port))
        with Worker(given, root / "errors") as worker:
            wait_for(lambda: worker.stats is not None, 10, "the worker runs")
            cpu, wall = worker.cpu_seconds, time.monotonic()
            log.write_bytes(data)
            lines = data.count(b"\n")

            def done() -> bool:
                stats = worker.stats
                return stats is not None and stats.destination.records >= lines

            wait_for(done, 120, "every line is acknowledged")
            cpu, wall = worker.cpu_seconds - cpu, time.monotonic() - wall
            return len(data) / cpu / 1e6, len(data) / wall / 1e6, worker.peak_rss


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--megabytes", type=int, default=48)
    total = parser.parse_args().megabytes * 1_000_000
    print("                 MB per CPU second         peak RSS")
    print("format  line   worker   plain  ratio       MB")
    for kind, make in (("docker", docker_lines), ("cri", cri_lines)):
        for size in (120, 500):
            data = make(size, total)
            plain = plain_speed(data, kind)
            with tempfile.TemporaryDirectory() as directory:
                speed, _wall, rss = worker_speed(data, kind, Path(directory))
            print(
                f"{kind:7} {size:4} {speed:8.1f} {plain:7.1f} {speed / plain:6.1f} {rss / 1e6:8.1f}"
            )


if __name__ == "__main__":
    main()
