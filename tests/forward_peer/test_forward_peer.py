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
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.config import FluentdDestination
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

    def __init__(self, modules: Path) -> None:
        self.process = subprocess.Popen(
            ["node", str(HERE / "server.cjs"), str(modules)], stdout=subprocess.PIPE, text=True
        )
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
def peer(modules: Path) -> Iterator[Peer]:
    peer = Peer(modules)
    yield peer
    peer.close()


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
