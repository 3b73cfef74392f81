"""Every line arrives: a log worker, a container that rotates its log, and things that die.

200,000 numbered lines are written as dockerd writes them, by a process of its own, while the file
is renamed 20 times. Once the receiver is killed and restarted five times, once the worker is killed
(SIGKILL) three times. Each number must have been received; one received twice must have been in the
window of chunks that were not acknowledged when something died.
"""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.log_destinations import FluentdDestination
from agent.logs.dispatch import WINDOW_CHUNKS
from tests.docker_log_writer import docker_line
from tests.log_host import ROOT, LogHost, Receiver, Worker, wait_for

LINES = 200_000
ROTATIONS = 20
CHUNK_BYTES = 64 * 1024
MOST_RSS = 60_000_000


@pytest.fixture
def host(tmp_path: Path) -> LogHost:
    return LogHost(tmp_path / "host")


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    with Receiver(tmp_path / "received") as receiver:
        yield receiver


@pytest.fixture
def writer(host: LogHost) -> Iterator[subprocess.Popen[bytes]]:
    log = host.add_container()
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "tests.docker_log_writer",
            str(log),
            str(LINES),
            str(ROTATIONS),
            "6",
        ],
        cwd=ROOT,
    )
    yield process
    process.kill()
    process.wait()


def received(receiver: Receiver) -> Counter[int]:
    return Counter(number for _chunk, numbers in receiver.chunks() for number in numbers)


def progress(receiver: Receiver, chunks: int = 10) -> Callable[[], bool]:
    """That so many more chunks came."""
    before = len(receiver.chunks())
    return lambda: len(receiver.chunks()) >= before + chunks


def window_records(receiver: Receiver) -> int:
    """The most records a full window of unacknowledged chunks can hold."""
    return WINDOW_CHUNKS * max(len(numbers) for _chunk, numbers in receiver.chunks())


def test_no_line_is_lost_when_the_receiver_dies_five_times(
    host: LogHost, receiver: Receiver, writer: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    given = host.worker_input(FluentdDestination(port=receiver.port, chunk_bytes=CHUNK_BYTES))
    deaths = 0
    with Worker(given, tmp_path / "errors") as worker:
        for _ in range(5):
            wait_for(progress(receiver), 20, "chunks arrive")
            receiver.kill()
            deaths += 1
            receiver.start()
        wait_for(lambda: len(received(receiver)) == LINES, 30, "every number arrives")
        assert writer.wait(10) == 0
        wait_for(lambda: worker.stats is not None and not worker.stats.destination.in_flight_chunks,
                 10, "everything is acknowledged")  # fmt: skip
        assert worker.peak_rss <= MOST_RSS
        assert worker.stop() == 0
        assert worker.stats is not None
        assert worker.stats.total_lost() == {}
        assert worker.stats.destination.retries > 0
    numbers = received(receiver)
    assert set(numbers) == set(range(LINES))
    # A resent chunk has the id it had: so the chunks that came twice are all that is double.
    chunks = receiver.chunks()
    sent_twice = Counter(chunk for chunk, _numbers in chunks)
    sizes = {chunk: len(own) for chunk, own in chunks}
    double = sum(numbers.values()) - LINES
    assert double == sum(sizes[chunk] * (times - 1) for chunk, times in sent_twice.items())
    assert double <= deaths * window_records(receiver)


def test_no_line_is_lost_when_the_worker_is_killed_three_times(
    host: LogHost, receiver: Receiver, writer: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    given = host.worker_input(FluentdDestination(port=receiver.port, chunk_bytes=CHUNK_BYTES))
    uncovered = 0
    for kill in range(3):
        with Worker(given, tmp_path / "errors") as worker:
            wait_for(progress(receiver, 30), 20, "chunks arrive")
            worker.kill()
        wait_for(lambda: receiver.ended() == kill + 1, 10, "what was under way is received")  # noqa: B023
        uncovered += lines_received_and_not_in_the_checkpoint(host, receiver)
    with Worker(given, tmp_path / "errors") as worker:
        wait_for(lambda: len(received(receiver)) == LINES, 30, "every number arrives")
        assert writer.wait(10) == 0
        assert worker.peak_rss <= MOST_RSS
        assert worker.stop() == 0
        assert worker.stats is not None
        assert worker.stats.total_lost() == {}
    numbers = received(receiver)
    assert set(numbers) == set(range(LINES))
    double = sum(numbers.values()) - LINES
    assert double <= uncovered
    assert uncovered <= 3 * window_records(receiver), "the checkpoint follows the acks closely"


def lines_received_and_not_in_the_checkpoint(host: LogHost, receiver: Receiver) -> int:
    """After a kill: how many lines the receiver has that a restart will read again."""
    files = host.checkpoint()["files"]
    assert isinstance(files, list)
    offsets = {record["inode"]: record["offset"] for record in files}
    covered: set[int] = set()
    for path in (host.containers / ("ab" * 32)).glob("*-json.log*"):
        # Numbered lines in order: those before the offset are a range.
        data = path.read_bytes()[: offsets.get(path.stat().st_ino, 0)]
        if data:
            covered.update(range(_number(data.split(b"\n", 1)[0]), _last_number(data) + 1))
    return len(set(received(receiver)) - covered)


def _number(line: bytes) -> int:
    return int(line.split(b" ", 2)[1])


def _last_number(data: bytes) -> int:
    return _number(data.rstrip(b"\n").rsplit(b"\n", 1)[-1])


def test_the_writer_writes_as_dockerd_does() -> None:
    line = docker_line(17, 1_795_490_176_100_000_000)
    assert line.startswith(b'{"log":"line 000017 ')
    assert line.endswith(b'\\n","stream":"stdout","time":"2026-11-24T03:16:16.1Z"}\n')
