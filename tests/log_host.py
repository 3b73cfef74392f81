"""A directory that looks like a Docker host's logs, and a real log worker that reads it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson

from agent.config import HostPaths
from agent.log_destinations import Destination
from agent.logs.stats import WorkerStats

ROOT = Path(__file__).resolve().parent.parent
CONTAINER_ID = "ab" * 32


def wait_for(condition: Callable[[], object], seconds: float, what: str) -> None:
    """Poll until `condition` holds. Fails with `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.01)


def shipped(path: Path) -> list[dict[str, Any]]:
    """What the destination `file` has written: whole lines, for the last may be in the making."""
    data = path.read_bytes() if path.exists() else b""
    return [json.loads(line) for line in data[: data.rfind(b"\n") + 1].splitlines()]


class LogHost:
    """Below one directory: Docker's data root, an empty /proc, the agent's state."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.containers = root / "var/lib/docker/containers"
        self.containers.mkdir(parents=True)
        (root / "proc").mkdir()
        self.state = root / "state"

    def add_container(self, id_: str = CONTAINER_ID, name: str = "web") -> Path:
        """Make a container as dockerd leaves it on disk; return the path of its log."""
        directory = self.containers / id_
        directory.mkdir()
        log = directory / f"{id_}-json.log"
        config = {
            "ID": id_,
            "Name": f"/{name}",
            "Image": "sha256:" + "0" * 64,
            "LogPath": f"/var/lib/docker/containers/{id_}/{id_}-json.log",
            "Config": {"Image": "demo:1", "Labels": {}},
            "State": {"Running": True, "Pid": 1, "StartedAt": "2026-11-24T03:00:00Z"},
        }
        host_config = {"LogConfig": {"Type": "json-file"}}
        for file, content in (("hostconfig.json", host_config), ("config.v2.json", config)):
            # As dockerd does: who looks meanwhile never sees half of it.
            beside = directory / f".tmp-{file}"
            beside.write_text(json.dumps(content))
            beside.rename(directory / file)
        return log

    def worker_input(self, destination: Destination, *, from_start: bool = True) -> bytes:
        paths = HostPaths(root=str(self.root), proc=str(self.root / "proc"))
        return orjson.dumps(
            {
                "paths": asdict(paths),
                "logs": {"state": str(self.state), "from_start": from_start},
                "destination": asdict(destination),
            }
        )

    def checkpoint(self) -> dict[str, object]:
        """The one checkpoint in the state directory."""
        (path,) = self.state.glob("logs-*.json")
        document: dict[str, object] = json.loads(path.read_text())
        return document


class Worker:
    """A log worker process. Its statistics are collected; leaving the context stops it."""

    def __init__(
        self, given: bytes, errors: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.stats: WorkerStats | None = None
        self.errors = errors
        with errors.open("ab") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "agent.log_worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                cwd=ROOT,
                env={**os.environ, **(environment or {})},
            )
        assert self.process.stdin is not None
        self.process.stdin.write(given + b"\n")
        self.process.stdin.flush()
        self._thread = threading.Thread(target=self._collect)
        self._thread.start()

    def _collect(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.endswith(b"\n"):  # a killed worker may leave half a line
                self.stats = WorkerStats.from_json(line)

    @property
    def peak_rss(self) -> int:
        """Bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024

    @property
    def cpu_seconds(self) -> float:
        """User and system, of all its threads, to the nanosecond: clock_getcpuclockid(3)."""
        return time.clock_gettime(~self.process.pid << 3 | 2)

    def stop(self) -> int:
        """SIGTERM; return the exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        return self._finish()

    def kill(self) -> None:
        self.process.kill()
        self._finish()

    def _finish(self) -> int:
        code = self.process.wait(20)
        self._thread.join()
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.stdout.close()
        return code

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


class Receiver:
    """The strict Forward receiver, which can be killed and started on the same port."""

    def __init__(self, log: Path, *options: str) -> None:
        self.log = log
        self.options = options
        self.port = 0
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.forward_server", "--port", str(self.port),
             "--log", str(self.log), *self.options],
            stdout=subprocess.PIPE,
            cwd=ROOT,
        )  # fmt: skip
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline().split()[1])

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def chunks(self) -> list[tuple[str, list[int]]]:
        """Every chunk received: its id and the numbers in it, in order. Checks for errors."""
        chunks = []
        for line in self.log.read_text().splitlines(keepends=True):
            assert not line.startswith("E "), line
            if line.startswith("R ") and line.endswith("\n"):
                _kind, chunk, *numbers = line.split()
                chunks.append((chunk, [int(number) for number in numbers]))
        return chunks

    def ended(self) -> int:
        """How many connections were read to their ends."""
        return self.log.read_text().count("C\n")

    def __enter__(self) -> Receiver:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
