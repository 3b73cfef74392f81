"""A real log worker delivers to each kind of destination: strict servers of the test's own."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.log_destinations import (
    Destination,
    ElasticsearchDestination,
    FluentdDestination,
    ForwardServer,
    GraylogDestination,
    LokiDestination,
    OtlpDestination,
)
from tests.docker_log_writer import docker_line
from tests.exporters.elasticsearch.cluster import Cluster
from tests.http_peer import Answer, HttpPeer, Request, response
from tests.log_host import LogHost, Receiver, Worker, wait_for

LINES = 3000
START = 1_795_490_176_000_000_001


@contextmanager
def background(answer: Answer) -> Iterator[HttpPeer]:
    """A server in a thread of its own."""
    peer = HttpPeer(answer)
    loop = asyncio.new_event_loop()
    listening = threading.Event()

    def run() -> None:
        loop.run_until_complete(peer.listen())
        listening.set()
        loop.run_forever()
        loop.run_until_complete(peer.die())
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0.05))
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    assert listening.wait(10)
    try:
        yield peer
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
    assert peer.wrong == []


@pytest.fixture
def host(tmp_path: Path) -> LogHost:
    host = LogHost(tmp_path / "host")
    with host.add_container().open("ab") as log:
        log.writelines(docker_line(number, START + number) for number in range(LINES))
    return host


def deliver(host: LogHost, destination: Destination, tmp_path: Path) -> None:
    with Worker(host.worker_input(destination), tmp_path / "errors") as worker:
        wait_for(
            lambda: worker.stats is not None and worker.stats.destination.records == LINES,
            30, "every record is delivered",
        )  # fmt: skip
        assert worker.stop() == 0
        assert worker.stats is not None
        assert worker.stats.destination.rejected == 0
        assert worker.stats.total_lost() == {}


def numbers(texts: list[str]) -> list[int]:
    return [int(text.split()[1]) for text in texts]


def test_a_cluster_has_every_line_once_though_the_worker_is_killed_again_and_again(
    host: LogHost, tmp_path: Path
) -> None:
    cluster = Cluster()

    async def slow(request: Request, writer: asyncio.StreamWriter) -> bytes:
        answer = await cluster.answer(request, writer)
        await asyncio.sleep(0.02)
        return answer

    with background(slow) as peer:
        destination = ElasticsearchDestination(
            urls=(peer.url(""),), chunk_bytes=16 * 1024, dead_letters=""
        )
        for kill in range(1, 4):
            with Worker(host.worker_input(destination), tmp_path / "errors") as worker:
                wait_for(
                    lambda enough=kill * 300: len(cluster.stored) >= enough,  # type: ignore[misc]
                    30, "some are stored",
                )  # fmt: skip
                worker.kill()
        assert len(cluster.stored) < LINES
        with Worker(host.worker_input(destination), tmp_path / "errors") as worker:
            wait_for(lambda: len(cluster.stored) == LINES, 60, "all are stored")
            assert worker.stop() == 0
    texts = [str(document["message"]) for document in cluster.stored.values()]
    assert sorted(numbers(texts)) == list(range(LINES)), "none is missing, none is there twice"
    assert cluster.conflicts > 0, "some came again, and were known by their ids"


def test_of_two_forward_servers_one_takes_over_when_the_other_dies_and_gives_back(
    host: LogHost, tmp_path: Path
) -> None:
    log = next(host.containers.glob("*/*-json.log"))
    written = LINES

    def write(lines: int) -> None:
        nonlocal written
        with log.open("ab") as file:
            file.writelines(
                docker_line(number, START + number) for number in range(written, written + lines)
            )
        written += lines

    def received(*receivers: Receiver) -> set[int]:
        return {n for one in receivers for _, numbers in one.chunks() for n in numbers}

    with Receiver(tmp_path / "first") as first, Receiver(tmp_path / "standby") as standby:
        destination = FluentdDestination(
            port=first.port,
            server=(ForwardServer("127.0.0.1", standby.port, standby=True),),
            chunk_bytes=16 * 1024,
        )
        with Worker(host.worker_input(destination), tmp_path / "errors") as worker:
            wait_for(lambda: len(received(first)) == LINES, 20, "the first gets all")
            first.kill()
            write(500)
            wait_for(lambda: len(received(standby)) == 500, 20, "the standby takes over")
            first.start()

            def back() -> bool:
                write(10)
                return max(received(first), default=0) >= LINES

            wait_for(back, 40, "the first is used again")
            wait_for(lambda: len(received(first, standby)) == written, 20, "nothing is missing")
            assert worker.stop() == 0


def test_loki_gets_every_line_in_order(host: LogHost, tmp_path: Path) -> None:
    found: list[tuple[int, str]] = []

    async def push(request: Request, writer: asyncio.StreamWriter) -> bytes:
        for stream in json.loads(request.body)["streams"]:
            assert stream["stream"] == {
                "job": "container-agent", "container_name": "web", "stream": "stdout",
            }  # fmt: skip
            found.extend((int(value[0]), value[1]) for value in stream["values"])
        return response(204)

    with background(push) as peer:
        url = peer.url("/loki/api/v1/push")
        deliver(host, LokiDestination(url=url, chunk_bytes=65536), tmp_path)
    assert numbers([text for _, text in found]) == list(range(LINES))
    assert [time for time, _ in found] == [START + number for number in range(LINES)]


def test_otlp_gets_every_line(host: LogHost, tmp_path: Path) -> None:
    found: list[str] = []

    async def export(request: Request, writer: asyncio.StreamWriter) -> bytes:
        for resource in json.loads(request.body)["resourceLogs"]:
            for scope in resource["scopeLogs"]:
                found.extend(record["body"]["stringValue"] for record in scope["logRecords"])
        return response(200, b"{}")

    with background(export) as peer:
        deliver(host, OtlpDestination(url=peer.url("/v1/logs"), chunk_bytes=65536), tmp_path)
    assert sorted(numbers(found)) == list(range(LINES))


def test_graylog_gets_every_line_over_http(host: LogHost, tmp_path: Path) -> None:
    found: list[str] = []

    async def take(request: Request, writer: asyncio.StreamWriter) -> bytes:
        found.append(json.loads(request.body)["short_message"])
        return response(202)

    with background(take) as peer:
        deliver(host, GraylogDestination(url=peer.url("/gelf")), tmp_path)
    assert sorted(numbers(found)) == list(range(LINES))


def test_graylog_gets_every_line_over_tcp(host: LogHost, tmp_path: Path) -> None:
    received = bytearray()

    def take(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            while data := connection.recv(65536):
                received.extend(data)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        thread = threading.Thread(target=take, args=(listener,))
        thread.start()
        deliver(host, GraylogDestination(url=f"tcp://127.0.0.1:{port}"), tmp_path)
        thread.join()
    found = [json.loads(raw)["short_message"] for raw in bytes(received).split(b"\0")[:-1]]
    assert numbers(found) == list(range(LINES))


def test_graylog_gets_lines_over_udp(host: LogHost, tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * 1024 * 1024)
        listener.bind(("127.0.0.1", 0))
        listener.settimeout(1)
        found: set[int] = set()
        thread = threading.Thread(target=collect, args=(listener, found.add))
        thread.start()
        url = f"udp://127.0.0.1:{listener.getsockname()[1]}"
        deliver(host, GraylogDestination(url=url), tmp_path)
        thread.join()
    # Nothing is acknowledged: a full buffer here would lose some, and nobody would know.
    assert found <= set(range(LINES))
    assert len(found) > LINES // 2


def collect(listener: socket.socket, add: Callable[[int], None]) -> None:
    """Until nothing came for ten seconds, or all did."""
    silent = seen = 0
    while silent < 10 and seen < LINES:
        try:
            data = listener.recv(65536)
        except TimeoutError:
            silent += 1 if seen == 0 else 10
            continue
        seen += 1
        add(numbers([json.loads(zlib.decompress(data))["short_message"]])[0])
