"""`agent trace` for real, of a container that does what it is told: by pipe and by terminal."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from agent.bpf.facts import gather
from agent.bpf.support import refuse_loader
from tests.agent.bpf.talker import Talker
from tests.agent.bpf.test_high_rate import CALLS, FAILED, YIELDS
from tests.agent.bpf.test_lifecycle import as_nobody
from tests.host.docker import DockerHost
from tests.host.terminal import TerminalProgram

pytestmark = pytest.mark.host

# A runner in the background may have SIGINT ignored, which a program inherits.
AGENT = ["env", "--default-signal=INT", sys.executable, "-m", "agent"]
TOP = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def pair(
    docker_host: DockerHost, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Talker, Talker]]:
    """(traced, rival)"""
    if reason := refuse_loader(gather([]), "libbpf"):
        pytest.skip(reason)
    directory = tmp_path_factory.mktemp("trace")
    with ExitStack() as started:
        talkers = []
        for name in ("traced", "rival"):
            talker = Talker(docker_host, f"trace-{name}", "none", directory / name)
            started.callback(talker.end)
            talkers.append(talker)
        yield talkers[0], talkers[1]


def lines(program: subprocess.Popen[str]) -> Iterator[dict[str, Any]]:
    assert program.stdout is not None
    for line in program.stdout:
        yield json.loads(line)


def test_a_pipe_gets_a_line_each_second_and_a_summary_with_exact_counts(
    pair: tuple[Talker, Talker],
) -> None:
    traced, rival = pair
    argv = [*AGENT, "trace", f"pid:{traced.pid}", "--syscalls", "-o", "json"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, cwd=TOP) as program:
        said = lines(program)
        first = next(said)  # So it is attached.
        traced.do(CALLS)
        rival.do(CALLS)
        program.send_signal(signal.SIGINT)
        *seconds, summary = said
    assert program.returncode == 0
    assert (first["second"], first["ended"]) == (1, False)
    assert first["container"]
    assert [each["second"] for each in seconds] == list(range(2, 2 + len(seconds)))
    calls = {row["call"]: row for row in summary["syscalls"]}
    assert (calls["sched_yield"]["calls"], calls["sched_yield"]["errors"]) == (YIELDS, 0)
    assert (calls["fsync"]["calls"], calls["fsync"]["errnos"]) == (FAILED, {"EBADF": FAILED})
    assert calls["sched_yield"]["seconds"] > 0
    assert summary["summary"] is True
    assert summary["dropped"] == 0
    assert summary["seconds"] >= first["seconds"]


def test_a_terminal_shows_one_second_at_a_time_until_ctrl_c_and_then_the_sum(
    pair: tuple[Talker, Talker],
) -> None:
    traced, _ = pair
    argv = [*AGENT, "trace", f"pid:{traced.pid}"]
    with TerminalProgram(argv, columns=100, environment={"PYTHONPATH": str(TOP)}) as program:
        program.wait_for_text("calls/s")
        traced.do(CALLS)
        program.wait_for_text("sched_yield")
        assert f"EBADF:{FAILED}" in program.text
        program.send("\x03")
        program.wait_for_text("of CPU,")
        assert program.wait_for_end() == 0
        assert "all " in program.text
        assert f"EBADF:{FAILED}" in program.text


def test_sched_names_who_took_the_cpu(pair: tuple[Talker, Talker]) -> None:
    traced, _ = pair
    burn = """
import os, time
os.sched_setaffinity(0, {0})
end = time.process_time() + 0.3
while time.process_time() < end: pass
"""
    argv = [*AGENT, "trace", f"pid:{traced.pid}", "--sched", "-o", "json"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, cwd=TOP) as program:
        said = lines(program)
        title = next(said)["container"]
        for talker in pair:
            talker.tell(burn)
        for talker in pair:
            talker.heard()
        program.send_signal(signal.SIGINT)
        *_, summary = said
    assert program.returncode == 0
    takers = summary["sched"]["preempted_by"]
    assert title not in takers
    assert sum(takers.values()) > 0
    assert summary["sched"]["involuntary_switches"] >= sum(takers.values())
    assert summary["sched"]["waits"] > 0
    assert summary["sched"]["wait_p99_seconds"] is not None


def test_net_counts_connections(pair: tuple[Talker, Talker]) -> None:
    traced, _ = pair
    connect = """
import socket
listener = socket.create_server(("127.0.0.1", 0))
for _ in range(13):
    with socket.create_connection(listener.getsockname()): listener.accept()[0].close()
listener.close()
"""
    argv = [*AGENT, "trace", f"pid:{traced.pid}", "--net", "-o", "json"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, cwd=TOP) as program:
        said = lines(program)
        next(said)
        traced.do(connect)
        program.send_signal(signal.SIGINT)
        *_, summary = said
    assert program.returncode == 0
    assert (summary["net"]["connects"], summary["net"]["accepts"]) == (13, 13)


def test_io_names_the_disk_the_process_and_the_file(pair: tuple[Talker, Talker]) -> None:
    traced, rival = pair
    write = """
with open("/shared/written", "wb") as file:
    file.write(bytes(409600)); file.flush(); os.fsync(file.fileno())
"""
    for talker in pair:
        talker.do("import os")
    argv = [*AGENT, "trace", f"pid:{traced.pid}", "--io", "-o", "json"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, cwd=TOP) as program:
        said = lines(program)
        next(said)
        traced.do(write)
        traced.do(write + "os.posix_fadvise(os.open('/shared/written', 0), 0, 0, 4)")
        rival.do(write)
        # Read again, past the page cache: on cgroup v1 what is written is not told.
        traced.do("answer = len(open('/shared/written', 'rb').read())")
        program.send_signal(signal.SIGINT)
        *_, summary = said
    assert program.returncode == 0
    reads = [row for row in summary["io"]["devices"] if row["operation"] == "read"]
    if not reads:
        pytest.skip("/shared is on no block device")
    if summary["dropped"]:
        pytest.skip(f"the ends of {summary['dropped']} requests were not seen, which was told")
    (read,) = reads
    assert read["bytes"] >= 409600
    assert read["latency_p99_seconds"] > 0
    files = {row["name"]: row for row in summary["io"]["files"]}
    assert files["written"]["read_bytes"] == 409600
    assert files["written"]["device"]
    readers = [row["pid"] for row in summary["io"]["processes"] if row["read_bytes"] >= 409600]
    assert readers == [traced.pid]


def test_rtt_names_the_peer(pair: tuple[Talker, Talker]) -> None:
    traced, _ = pair
    talk = """
import socket
listener = socket.create_server(("127.0.0.1", 0))
one = socket.create_connection(listener.getsockname())
other = listener.accept()[0]
for _ in range(101): one.sendall(b"x"); other.recv(1); other.sendall(b"y"); one.recv(1)
for each in (one, other, listener): each.close()
"""
    (peer,) = summary_of(traced, "--rtt", talk)["rtt"]
    assert peer["peer"] == "127.0.0.1"
    assert peer["segments"] >= 202
    assert 0 < peer["average_seconds"] < 1


def test_cache_and_faults_tell_what_was_read_and_touched(pair: tuple[Talker, Talker]) -> None:
    traced, _ = pair
    traced.do("open('/shared/cached', 'wb').write(bytes(101 * 4096))")
    read = "answer = open('/shared/cached', 'rb', buffering=0).read()[:0].decode()"
    cache = summary_of(traced, "--cache", read)["cache"]
    if cache["asked"] is not None:
        assert (cache["asked"], cache["missed"], cache["hit_ratio"]) == (101, 0, 1)
    touch = """
import mmap
pages = mmap.mmap(-1, 1009 * mmap.PAGESIZE)
pages.madvise(mmap.MADV_NOHUGEPAGE)
for at in range(0, len(pages), mmap.PAGESIZE): pages[at] = 1
"""
    assert summary_of(traced, "--faults", touch)["faults"]["minor"] >= 1009


def summary_of(traced: Talker, option: str, work: str) -> dict[str, Any]:
    """What a trace says at its end, in which the container did this."""
    argv = [*AGENT, "trace", f"pid:{traced.pid}", option, "-o", "json"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, cwd=TOP) as program:
        said = lines(program)
        next(said)
        traced.do(work)
        program.send_signal(signal.SIGINT)
        *_, summary = said
    assert program.returncode == 0
    return summary


def test_a_container_that_ends_ends_the_trace(docker_host: DockerHost, tmp_path: Path) -> None:
    if reason := refuse_loader(gather([]), "libbpf"):
        pytest.skip(reason)
    talker = Talker(docker_host, "trace-ending", "none", tmp_path / "ending")
    argv = [*AGENT, "trace", f"pid:{talker.pid}", "-o", "json"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, cwd=TOP) as program:
        said = lines(program)
        next(said)
        talker.end()
        *_, last, summary = said
    assert program.returncode == 0
    assert last["ended"] is True
    assert summary["summary"] is True


def test_nobody_by_that_name_is_said(pair: tuple[Talker, Talker]) -> None:
    done = subprocess.run([*AGENT, "trace", "zzz"], capture_output=True, text=True, cwd=TOP)
    assert done.returncode == 3
    assert "no running container is 'zzz'" in done.stderr
    assert subprocess.run([*AGENT, "trace", "pid:x"], capture_output=True, cwd=TOP).returncode == 2


@pytest.mark.parametrize(
    ("capabilities", "reason"),
    [
        ((), "this process lacks CAP_BPF and CAP_PERFMON (or CAP_SYS_ADMIN)"),
        (("bpf",), "this process lacks CAP_PERFMON (or CAP_SYS_ADMIN)"),
    ],
)
def test_the_missing_capability_is_named(
    pair: tuple[Talker, Talker], capabilities: tuple[str, ...], reason: str
) -> None:
    done = as_nobody(capabilities, command(pair[0]))
    assert (done.returncode, done.stderr) == (4, f"agent trace: {reason}; try as root\n")


def test_two_capabilities_are_enough_and_what_is_not_known_is_said(
    pair: tuple[Talker, Talker],
) -> None:
    done = as_nobody(("bpf", "perfmon"), command(pair[0]))
    assert done.returncode == 0, done.stderr
    *seconds, summary = map(json.loads, done.stdout.splitlines())
    assert [each["second"] for each in seconds] == [1]
    assert summary["seconds"] >= 0.2
    assert summary["probe_cpu_seconds"] is None or summary["probe_cpu_seconds"] >= 0
    if summary["probe_cpu_seconds"] is None:
        assert "CAP_SYS_ADMIN" in summary["unknown"]["probe_cpu_seconds"]


def command(talker: Talker) -> str:
    argv = ["trace", f"pid:{talker.pid}", "--seconds", "0.2", "-o", "json"]
    return f"import sys\nfrom agent.cli.main import main\nsys.exit(main({argv!r}))"
