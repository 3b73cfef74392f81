"""A real Grafana Loki of the test's own: the program that `LOKI` names, or `loki` on PATH.

Debian's package of that name is a genetics program, so it is asked what it is.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import NamedTuple

from tests.host.daemon import Daemon, HostUnavailable
from tests.host.ports import free_port

MOST = 100_000
"""Lines of one answer."""


class Stored(NamedTuple):
    """One line as Loki gives it back."""

    time_ns: int
    line: str
    labels: dict[str, str]
    """Of its stream, and its structured metadata."""


def loki_program() -> str:
    """The program's path. Raises `HostUnavailable`."""
    program = os.environ.get("LOKI") or shutil.which("loki")
    if program is None:
        raise HostUnavailable("needs Grafana Loki: its path in LOKI, or on PATH")
    asked = subprocess.run([program, "-version"], capture_output=True, text=True, timeout=30)
    if not asked.stdout.startswith("loki, version"):
        raise HostUnavailable(f"{program} is no Grafana Loki")
    return program


class Loki:
    """Loki in one process, on two free loopback ports, its data below `directory`."""

    def __init__(self, directory: Path) -> None:
        program = loki_program()
        http, grpc = free_port(), free_port()
        config = {
            "auth_enabled": False,
            "analytics": {"reporting_enabled": False},
            "server": {
                "http_listen_address": "127.0.0.1", "http_listen_port": http,
                "grpc_listen_address": "127.0.0.1", "grpc_listen_port": grpc,
                "log_level": "warn",
            },
            "common": {
                "instance_addr": "127.0.0.1",
                "path_prefix": str(directory / "data"),
                "storage": {"filesystem": {"chunks_directory": str(directory / "chunks"),
                                           "rules_directory": str(directory / "rules")}},
                "replication_factor": 1,
                "ring": {"kvstore": {"store": "inmemory"}},
            },
            "schema_config": {"configs": [{
                "from": "2020-10-24", "store": "tsdb", "object_store": "filesystem",
                "schema": "v13", "index": {"prefix": "index_", "period": "24h"},
            }]},
            "limits_config": {"max_entries_limit_per_query": MOST,
                              "ingestion_rate_mb": 100, "ingestion_burst_size_mb": 100},
        }  # fmt: skip
        file = directory / "loki.json"
        file.write_text(json.dumps(config))  # JSON is YAML too
        self.url = f"http://127.0.0.1:{http}"
        self._daemon = Daemon(
            [program, f"-config.file={file}", "-target=all"], directory / "loki.log"
        )
        self._daemon.await_answer(self._ready, 90)

    def lines(self, selector: str, since_ns: int, until_ns: int) -> list[Stored]:
        """Every line of the streams that the selector names, of each stream in its order."""
        query = {
            "query": selector, "start": str(since_ns), "end": str(until_ns),
            "limit": str(MOST), "direction": "forward",
        }  # fmt: skip
        url = f"{self.url}/loki/api/v1/query_range?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url, timeout=60) as response:
            answer = json.load(response)
        return [
            Stored(int(time), line, stream["stream"])
            for stream in answer["data"]["result"]
            for time, line in stream["values"]
        ]

    def stop(self) -> None:
        self._daemon.stop()

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/ready", timeout=5) as response:
                return bool(response.status == 200)
        except OSError:
            return False
