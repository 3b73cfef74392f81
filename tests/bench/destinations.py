"""Records per CPU second and peak memory of a log worker, for each kind of destination.

    python -m tests.bench.destinations [--records N] [KIND …]

The worker is the real process: discovery, tail, checkpoint. The servers run in processes of their
own, take every byte and answer at once. CPU time is the worker's, user plus system, from its first
statistics on (its start not counted) until everything is delivered. Docker's format, lines of about
140 bytes. Machines differ: compare the rows.
"""

from __future__ import annotations

import argparse
import json
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from agent.file_destination import FileDestination
from agent.log_destinations import (
    Destination,
    ElasticsearchDestination,
    FluentdDestination,
    GraylogDestination,
    LokiDestination,
    OtlpDestination,
)
from tests.log_host import ROOT, LogHost, Receiver, Worker, wait_for

Make = Callable[[int, Path], Destination]

KINDS: dict[str, tuple[str, Make]] = {
    "file": ("", lambda _port, tmp: FileDestination(path=str(tmp / "out"), max_bytes=1 << 34)),
    "fluentd": ("forward", lambda port, _: FluentdDestination(port=port)),
    "elasticsearch": ("http", lambda port, _: ElasticsearchDestination(
        urls=(f"http://127.0.0.1:{port}",), dead_letters="")),
    "loki": ("http", lambda port, _: LokiDestination(
        url=f"http://127.0.0.1:{port}/loki/api/v1/push")),
    "otlp": ("http", lambda port, _: OtlpDestination(url=f"http://127.0.0.1:{port}/v1/logs")),
    "graylog bulk": ("http", lambda port, _: GraylogDestination(
        url=f"http://127.0.0.1:{port}/gelf", bulk=True)),
    "graylog http": ("http", lambda port, _: GraylogDestination(
        url=f"http://127.0.0.1:{port}/gelf")),
    "graylog tcp": ("raw", lambda port, _: GraylogDestination(url=f"tcp://127.0.0.1:{port}")),
    "graylog udp": ("udp", lambda port, _: GraylogDestination(url=f"udp://127.0.0.1:{port}")),
}  # fmt: skip
"""Kind → the server it needs, and how it is set up."""
SLOW = {"graylog http": 20}
"""A request for each line: so many times fewer."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--serve", choices=("http", "raw"), help=argparse.SUPPRESS)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=", ".join(KINDS))
    options = parser.parse_args()
    if options.serve:
        serve(raw=options.serve == "raw")
        return
    sys.stdout.write(f"{'destination':<16}{'records/CPU s':>15}{'MB/CPU s':>10}{'peak MiB':>10}\n")
    for kind in options.kinds or KINDS:
        records = options.records // SLOW.get(kind, 1)
        with tempfile.TemporaryDirectory() as directory:
            seconds, rss, size = measure(kind, records, Path(directory))
        sys.stdout.write(
            f"{kind:<16}{records / seconds:>15,.0f}{size / seconds / 1e6:>10.1f}"
            f"{rss / 2**20:>10.1f}\n"
        )
        sys.stdout.flush()


def measure(kind: str, records: int, tmp: Path) -> tuple[float, int, int]:
    """CPU seconds, bytes of memory, bytes of log."""
    needs, make = KINDS[kind]
    host = LogHost(tmp / "host")
    ready = host.root / "ready.log"
    with ready.open("wb") as file:
        file.writelines(map(line, range(records)))
    size = ready.stat().st_size
    with server(needs, tmp) as port:
        given = host.worker_input(make(port, tmp))
        with Worker(given, tmp / "errors") as worker:
            wait_for(lambda: worker.stats is not None, 20, "it runs")
            before = worker.cpu_seconds
            ready.rename(host.add_container())

            def delivered() -> bool:
                return worker.stats is not None and worker.stats.destination.records >= records

            wait_for(delivered, 300, f"{kind}: everything is delivered")
            return worker.cpu_seconds - before, worker.peak_rss, size


def line(number: int) -> bytes:
    text = f"line {number:06d} GET /index.html?id={number * 7919} HTTP/1.1 200 Mozilla/5.0 1.2 ms\n"
    record = {"log": text, "stream": "stdout", "time": f"2026-11-24T03:16:16.{number:09d}Z"}
    return json.dumps(record, separators=(",", ":")).encode() + b"\n"


@contextmanager
def server(needs: str, tmp: Path) -> Iterator[int]:
    """Its port."""
    if needs == "":
        yield 0
    elif needs == "forward":
        with Receiver(tmp / "received", "--discard") as receiver:
            yield receiver.port
    elif needs == "udp":
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink:
            sink.bind(("127.0.0.1", 0))
            yield sink.getsockname()[1]
    else:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.destinations", "--serve", needs],
            stdout=subprocess.PIPE, cwd=ROOT,
        )  # fmt: skip
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


def serve(*, raw: bool) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=drain if raw else answer, args=(connection,), daemon=True).start()


def drain(connection: socket.socket) -> None:
    while connection.recv(1 << 18):
        pass


def answer(connection: socket.socket) -> None:
    body = b'{"errors":false}'  # for a bulk request; the others find nothing they look for in it
    reply = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    with connection.makefile("rb") as stream:
        while stream.readline():
            size = 0
            while (header := stream.readline()) not in (b"\r\n", b""):
                name, _, value = header.partition(b":")
                if name.lower() == b"content-length":
                    size = int(value)
            stream.read(size)
            connection.sendall(reply)


if __name__ == "__main__":
    main()
