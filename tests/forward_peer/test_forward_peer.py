"""The whole log worker against a Forward server that is not ours: npm's @fluent-org/logger.

The package is installed once per machine into a cache directory outside the tree, from the lock
file beside this test.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from agent.log_destinations import FluentdDestination
from tests.agent.web.certificates import Authority
from tests.docker_log_writer import docker_line
from tests.log_host import LogHost, Worker, wait_for

HERE = Path(__file__).resolve().parent
LINES = 5000


@pytest.fixture(scope="session")
def modules() -> Path:
    """The node_modules directory, installed if it is not yet."""
    for command in ("node", "npm"):
        if shutil.which(command) is None:
            pytest.skip(f"no {command} on this machine")
    lock = (HERE / "package-lock.json").read_bytes()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    directory = (
        cache / "container-agent-tests" / f"forward-peer-{hashlib.sha256(lock).hexdigest()[:12]}"
    )
    if not (directory / "installed").exists():
        directory.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, directory)
        done = subprocess.run(
            ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=directory, capture_output=True, text=True, timeout=100,
        )  # fmt: skip
        if done.returncode:
            pytest.skip(f"npm ci failed: {done.stderr.strip().splitlines()[-1:]}")
        (directory / "installed").touch()
    return directory / "node_modules"


class Peer:
    """The server, and what it received."""

    def __init__(self, modules: Path, options: Mapping[str, object] | None = None) -> None:
        self.process = subprocess.Popen(
            ["node", str(HERE / "server.cjs"), str(modules), json.dumps(options or {})],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline().split()[1])
        self.entries: list[tuple[str, int, int, dict[str, object]]] = []
        self._thread = threading.Thread(target=self._collect)
        self._thread.start()

    def _collect(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            tag, seconds, nanoseconds, record = json.loads(line)
            self.entries.append((tag, seconds, nanoseconds, record))

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self._thread.join()
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def start(modules: Path) -> Iterator[Callable[[Mapping[str, object]], Peer]]:
    """Start a server with options."""
    peers: list[Peer] = []

    def start(options: Mapping[str, object]) -> Peer:
        peers.append(Peer(modules, options))
        return peers[-1]

    yield start
    for peer in peers:
        peer.close()


@pytest.fixture
def peer(start: Callable[[Mapping[str, object]], Peer]) -> Peer:
    return start({})


def test_another_implementation_reads_and_acknowledges_what_we_send(
    peer: Peer, tmp_path: Path
) -> None:
    host = LogHost(tmp_path / "host")
    log = host.add_container()
    times = [1_795_490_176_000_000_001 + number * 1_000_003 for number in range(LINES)]
    with log.open("ab") as file:
        file.writelines(docker_line(number, time) for number, time in enumerate(times))
        file.write(b'{"log":"\xff b\\u00e4d \\ud83d\\ude00\\n","stream":"stderr",'
                   b'"attrs":{"env":"prod"},"time":"2026-11-24T03:16:16Z"}\n')  # fmt: skip
        file.write(b"not json\n")
    destination = FluentdDestination(port=peer.port, tag="docker.web", chunk_bytes=65536)
    with Worker(host.worker_input(destination), tmp_path / "errors") as worker:
        wait_for(
            lambda: worker.stats is not None and worker.stats.destination.records == LINES + 2,
            20, "every record is acknowledged",
        )  # fmt: skip
        assert worker.stop() == 0
    wait_for(lambda: len(peer.entries) == LINES + 2, 10, "it has told us all")
    who = {
        "container_name": "web",
        "container_id": "ab" * 32,
        "image": "demo:1",
        "runtime": "docker",
    }
    for number, (tag, seconds, nanoseconds, record) in enumerate(peer.entries[:LINES]):
        assert tag == "docker.web"
        assert seconds * 10**9 + nanoseconds == times[number]
        assert str(record.pop("log")).startswith(f"line {number:06d} ")
        assert record == {"stream": "stdout", **who}
    _tag, _seconds, nanoseconds, record = peer.entries[LINES]
    assert nanoseconds == 0
    assert record == {
        "log": "\ufffd bäd 😀", "stream": "stderr", **who, "attrs": {"env": "prod"},
    }  # fmt: skip
    assert peer.entries[LINES + 1][3] == {"log": "not json", **who, "note": "unparsed"}


def deliver(
    destination: FluentdDestination, peer: Peer, tmp_path: Path
) -> list[tuple[str, int, int, dict[str, object]]]:
    """Let a worker deliver 100 lines; return what arrived."""
    host = LogHost(tmp_path / "host")
    with host.add_container().open("ab") as file:
        file.writelines(docker_line(number, 1_795_490_176_000_000_001) for number in range(100))
    with Worker(host.worker_input(destination), tmp_path / "errors") as worker:
        wait_for(lambda: len(peer.entries) == 100, 20, "every record arrives")
        assert worker.stop() == 0
    return peer.entries


def test_it_reads_what_is_compressed(peer: Peer, tmp_path: Path) -> None:
    found = deliver(FluentdDestination(port=peer.port, compression="gzip"), peer, tmp_path)
    for number, (_tag, seconds, nanoseconds, record) in enumerate(found):
        assert (seconds, nanoseconds) == (1_795_490_176, 1)
        assert str(record["log"]).startswith(f"line {number:06d} ")


@pytest.mark.parametrize("login", [False, True])
def test_it_lets_us_in_by_shared_key_and_by_login(
    start: Callable[[Mapping[str, object]], Peer], tmp_path: Path, login: bool
) -> None:
    peer = start(
        {
            "security": {
                "serverHostname": "peer",
                "sharedKey": "the key",
                "authorize": login,
                "userDict": {"shipper": "letmein"},
            }
        }
    )
    (tmp_path / "key").write_text("the key\n")
    (tmp_path / "password").write_text("letmein\n")
    destination = FluentdDestination(
        port=peer.port,
        shared_key_file=str(tmp_path / "key"),
        username="shipper" if login else "",
        password_file=str(tmp_path / "password") if login else "",
        self_hostname="agent-7",
    )
    assert len(deliver(destination, peer, tmp_path)) == 100


def test_a_wrong_key_is_said_and_nothing_is_lost(
    start: Callable[[Mapping[str, object]], Peer], tmp_path: Path
) -> None:
    peer = start(
        {"security": {"serverHostname": "peer", "sharedKey": "a", "authorize": False,
                      "userDict": {}}}
    )  # fmt: skip
    key = tmp_path / "key"
    key.write_text("b")
    destination = FluentdDestination(port=peer.port, shared_key_file=str(key))
    host = LogHost(tmp_path / "host")
    with host.add_container().open("ab") as file:
        file.write(docker_line(0, 1_795_490_176_000_000_001))
    with Worker(host.worker_input(destination), tmp_path / "errors") as worker:
        wait_for(
            lambda: worker.stats is not None
            and "the server refuses us: shared key mismatch" in worker.stats.destination.last_error,
            20, "it says what is wrong",
        )  # fmt: skip
        key.write_text("a")
        wait_for(lambda: len(peer.entries) == 1, 40, "the line arrives with the right key")
        assert worker.stop() == 0


def test_it_takes_us_by_our_certificate(
    start: Callable[[Mapping[str, object]], Peer], tmp_path: Path
) -> None:
    authority = Authority(tmp_path / "ca")
    theirs = authority.issue("server", "IP:127.0.0.1")
    ours = authority.issue("client", "DNS:agent")
    ca = str(authority.own.cert)
    peer = start({"tls": {"cert": str(theirs.cert), "key": str(theirs.key), "ca": ca}})
    destination = FluentdDestination(
        port=peer.port, tls=True, ca_file=ca, cert_file=str(ours.cert), key_file=str(ours.key)
    )
    assert len(deliver(destination, peer, tmp_path)) == 100
