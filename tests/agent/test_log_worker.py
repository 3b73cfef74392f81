"""agent/log_worker.py as a process: its input, its signals, its statistics."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from agent.file_destination import FileDestination
from agent.log_destinations import FluentdDestination
from tests.docker_log_writer import docker_line
from tests.log_host import ROOT, LogHost, Receiver, Worker, shipped, wait_for


@pytest.fixture
def host(tmp_path: Path) -> LogHost:
    return LogHost(tmp_path / "host")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out" / "containers.jsonl"


@pytest.fixture
def given(host: LogHost, out: Path) -> bytes:
    return host.worker_input(FileDestination(path=str(out)))


@pytest.fixture
def errors(tmp_path: Path) -> Path:
    return tmp_path / "errors"


@pytest.fixture
def log(host: LogHost) -> Path:
    return host.add_container()


def write(log: Path, *numbers: int) -> None:
    with log.open("ab") as file:
        file.writelines(docker_line(number, 1_795_490_176_000_000_000) for number in numbers)


def numbers(out: Path) -> list[int]:
    return [int(record["log"].split()[1]) for record in shipped(out)]


def run_with(text: bytes) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "agent.log_worker"], input=text, capture_output=True, cwd=ROOT,
        timeout=20,
    )  # fmt: skip


def test_a_record_says_whose_it_is(given: bytes, log: Path, out: Path, errors: Path) -> None:
    write(log, 1)
    with Worker(given, errors) as worker:
        wait_for(lambda: numbers(out) == [1], 10, "the line arrives")
        assert worker.stop() == 0
    record = json.loads(out.read_text())
    assert record.pop("log").startswith("line 000001 ")
    assert record == {
        "time": "2026-11-24T03:16:16.000000000Z",
        "stream": "stdout",
        "container_name": "web",
        "container_id": "ab" * 32,
        "image": "demo:1",
        "runtime": "docker",
    }


def test_a_container_that_starts_later_is_found_at_once(
    host: LogHost, given: bytes, out: Path, errors: Path
) -> None:
    with Worker(given, errors) as worker:
        wait_for(lambda: worker.stats is not None, 10, "the worker runs")
        write(host.add_container(), 1, 2)
        wait_for(lambda: numbers(out) == [1, 2], 4, "not only by the rescan")


def test_sigterm_delivers_what_was_read_and_a_restart_goes_on(
    given: bytes, log: Path, out: Path, errors: Path
) -> None:
    write(log, *range(100))
    with Worker(given, errors) as worker:
        wait_for(lambda: len(numbers(out)) == 100, 10, "the lines arrive")
        write(log, *range(100, 200))
        assert worker.stop() == 0
        assert worker.stats is not None
        assert worker.stats.destination.in_flight_chunks == 0
        assert worker.stats.containers[0].lines >= 100
    write(log, *range(200, 300))
    with Worker(given, errors) as worker:
        wait_for(lambda: len(numbers(out)) >= 300, 10, "the rest arrives")
        assert worker.stop() == 0
    assert numbers(out) == list(range(300))


def test_the_end_of_its_input_is_the_end_of_its_parent(
    given: bytes, log: Path, out: Path, errors: Path
) -> None:
    write(log, 1)
    with Worker(given, errors) as worker:
        wait_for(lambda: numbers(out) == [1], 10, "the line arrives")
        assert worker.process.stdin is not None
        worker.process.stdin.close()
        assert worker.process.wait(10) == 0


def test_a_parent_that_reads_no_statistics_stops_nothing(
    given: bytes, log: Path, out: Path
) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"x" * fcntl.fcntl(writing, fcntl.F_GETPIPE_SZ))  # full
    process = subprocess.Popen(
        [sys.executable, "-m", "agent.log_worker"], stdin=subprocess.PIPE, stdout=writing,
        stderr=subprocess.DEVNULL, cwd=ROOT,
    )  # fmt: skip
    try:
        assert process.stdin is not None
        process.stdin.write(given + b"\n")
        process.stdin.flush()
        write(log, 1)
        wait_for(lambda: numbers(out) == [1], 10, "the line arrives though stdout is full")
        process.terminate()
        assert process.wait(10) == 0
        process.stdin.close()
    finally:
        process.kill()
        process.wait()
        os.close(reading)
        os.close(writing)


@pytest.mark.parametrize("text", [b"", b"{}\n", b'{"paths":{}}\n', b"not json\n"])
def test_an_input_that_makes_no_sense_is_refused_in_words(text: bytes) -> None:
    done = run_with(text)
    assert done.returncode == 2
    assert done.stderr.decode().startswith("The log worker cannot use its input. reason=")
    assert b"Traceback" not in done.stderr


def test_a_state_directory_that_cannot_be_made_is_said(host: LogHost, out: Path) -> None:
    host.state.write_text("a file")
    done = run_with(host.worker_input(FileDestination(path=str(out))) + b"\n")
    assert done.returncode == 3
    assert b"The state directory cannot be used." in done.stderr


def test_a_second_worker_waits_for_the_first_to_end(
    given: bytes, log: Path, out: Path, errors: Path
) -> None:
    write(log, 1)
    with Worker(given, errors) as first:
        wait_for(lambda: numbers(out) == [1], 10, "the line arrives")
        with Worker(given, errors) as second:
            write(log, 2)
            wait_for(lambda: numbers(out) == [1, 2], 10, "the first one goes on")
            assert second.stats is None
            assert first.stop() == 0
            write(log, 3)
            wait_for(lambda: numbers(out) == [1, 2, 3], 10, "the second one takes over")


def test_an_unreadable_checkpoint_costs_duplicates_and_is_said(
    host: LogHost, log: Path, out: Path, errors: Path
) -> None:
    # Also where only new lines are wanted: which are new is just what is not known any more.
    given = host.worker_input(FileDestination(path=str(out)), from_start=False)
    write(log, 0)
    with Worker(given, errors) as worker:
        wait_for(
            lambda: worker.stats is not None and worker.stats.containers, 10, "the log is found"
        )
        write(log, 1)
        wait_for(lambda: numbers(out) == [1], 10, "the line arrives")
        assert worker.stop() == 0
    (path,) = host.state.glob("*.json")
    path.write_text('{"version":99}')
    with Worker(given, errors) as worker:
        wait_for(lambda: numbers(out) == [1, 0, 1], 10, "it is read from the start")
        assert worker.stop() == 0
        assert worker.stats is not None
        assert worker.stats.worker.checkpoints_set_aside == 1
    said = errors.read_text()
    assert f"kept={path}.corrupt" in said
    assert "has version 99, this agent reads 1" in said


def test_a_pods_log_is_read_through_the_kubelets_rotation(
    host: LogHost, given: bytes, out: Path, errors: Path
) -> None:
    log = host.root / "var/log/pods/shop_web-1_0b3c8d1e/nginx/0.log"
    log.parent.mkdir(parents=True)
    links = host.root / "var/log/containers"
    links.mkdir(parents=True)
    (links / f"web-1_shop_nginx-{'cd' * 32}.log").symlink_to(
        "/var/log/pods/shop_web-1_0b3c8d1e/nginx/0.log"
    )
    time = "2026-11-24T08:46:16.1051+05:30"

    def lines(*texts: str) -> bytes:
        return "".join(f"{time} stdout {text}\n" for text in texts).encode()

    # The runtime has it open as long as the container lives.
    with log.open("ab", buffering=0) as file, Worker(given, errors) as worker:
        file.write(lines("F line 1", "P line 2 be"))
        wait_for(lambda: numbers(out) == [1], 10, "the whole line arrives")
        log.rename(log.with_name("0.log.20261124-084616"))
        file.write(lines("P gin", "F ..."))  # the runtime has not opened the new file yet
        log.write_bytes(lines("F line 3"))
        wait_for(lambda: numbers(out) == [1, 2, 3], 10, "the rest arrives in order")
        assert worker.stop() == 0
    second = json.loads(out.read_bytes().splitlines()[1])
    assert second == {
        "time": "2026-11-24T03:16:16.105100000Z",
        "log": "line 2 begin...",
        "stream": "stdout",
        "container_name": "nginx",
        "container_id": "cd" * 32,
        "namespace": "shop",
        "pod": "web-1",
        "pod_uid": "0b3c8d1e",
    }


def test_only_new_lines_where_the_operator_wants_that(
    host: LogHost, log: Path, out: Path, errors: Path
) -> None:
    write(log, 1)
    given = host.worker_input(FileDestination(path=str(out)), from_start=False)
    with Worker(given, errors) as worker:
        wait_for(
            lambda: worker.stats is not None and worker.stats.containers, 10, "the log is found"
        )
        write(log, 2)
        wait_for(lambda: numbers(out) == [2], 10, "the new line arrives")


def test_each_destination_has_a_pipeline_of_its_own(
    host: LogHost, log: Path, out: Path, errors: Path, tmp_path: Path
) -> None:
    write(log, *range(1000))
    with Receiver(tmp_path / "received", "--silent") as receiver:
        stuck = host.worker_input(FluentdDestination(port=receiver.port))
        fine = host.worker_input(FileDestination(path=str(out)))
        with Worker(stuck, errors) as one, Worker(fine, errors):
            wait_for(lambda: len(numbers(out)) == 1000, 10, "the other one is not held up")
            wait_for(
                lambda: one.stats is not None and one.stats.destination.in_flight_chunks, 10,
                "the stuck one waits",
            )  # fmt: skip
            assert one.stats is not None
            assert one.stats.destination.chunks == 0
            assert one.stats.containers[0].lag_bytes == log.stat().st_size
