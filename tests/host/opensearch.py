"""A real OpenSearch of the test's own: the server's artifacts from Maven Central, run with `java`.

OpenSearch forked from Elasticsearch 7.10 and has its bulk API. What was downloaded once (43 MB,
20 s) stays in $XDG_CACHE_HOME/container-agent/opensearch-VERSION-….
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tests.host.daemon import Daemon, HostUnavailable, run
from tests.host.packages import cache

SOURCE = Path(__file__).with_name("opensearch_node")
JAVA = ("java", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
"""A small server that is there in 4 s: most of its code runs but once."""
DOWNLOAD_SECONDS = 60.0


class Said(NamedTuple):
    """An answer."""

    status: int
    body: dict[str, object]


@dataclass(frozen=True)
class Stored:
    """A document, as a search gives it."""

    index: str
    id: str
    source: dict[str, object]


def server_classes() -> str:
    """The server's class path. Raises `HostUnavailable` where it cannot be had."""
    for program in ("java", "javac", "mvn"):
        if shutil.which(program) is None:
            raise HostUnavailable(f"needs {program} (packages default-jdk-headless and maven)")
    pom = SOURCE / "pom.xml"
    name = f"opensearch-{hashlib.sha256(pom.read_bytes()).hexdigest()[:12]}"
    kept = cache().parent / name
    if not kept.is_dir():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as temporary:
            new = Path(temporary) / "jars"
            try:
                run(
                    [
                        *("mvn", "--batch-mode", "--quiet", "--strict-checksums"),
                        *("--file", str(pom), "dependency:copy-dependencies"),
                        f"-DoutputDirectory={new}",
                    ],
                    timeout=DOWNLOAD_SECONDS,
                    cwd=Path(temporary),
                )
                new.rename(kept)
            except (OSError, subprocess.SubprocessError) as error:
                raise HostUnavailable(f"OpenSearch's artifacts: {str(error)[:500]}") from None
    return f"{kept}/*"


class OpenSearch:
    """One node, a cluster of its own, on a loopback port, its data below `directory`."""

    def __init__(self, directory: Path, settings: Mapping[str, str] | None = None) -> None:
        self._classes = server_classes()
        self._directory = directory
        self._settings = dict(settings or {})
        self._port = 0
        self.start()

    def start(self) -> None:
        """Start it; again on the same port and the same data after `kill` or `stop`."""
        settings = {
            "path.home": str(self._directory),
            "cluster.name": self._directory.name,
            "node.name": "test",
            "discovery.type": "single-node",
            "network.host": "127.0.0.1",
            "http.port": str(self._port),
            "transport.port": "0",
            # A test's disk may be as full as it likes.
            "cluster.routing.allocation.disk.threshold_enabled": "false",
            **self._settings,
        }
        self._daemon = Daemon(
            [
                *JAVA,
                *("-cp", self._classes, str(SOURCE / "OpenSearchNode.java")),
                *(f"{key}={value}" for key, value in settings.items()),
            ],
            self._directory / "opensearch.log",
        )
        self._daemon.await_answer(self._listens, 60)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def ask(self, method: str, path: str, body: object = None) -> Said:
        """One request of its API; an answer that is a failure is an answer."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"{self.url}/{path}", data, {"Content-Type": "application/json"}, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return Said(response.status, json.load(response))
        except urllib.error.HTTPError as error:
            return Said(error.code, json.load(error))

    def done(self, method: str, path: str, body: object = None) -> dict[str, object]:
        """The same where only success will do."""
        status, answer = self.ask(method, path, body)
        assert 200 <= status < 300, answer
        return answer

    def set(self, index: str, setting: str, value: object) -> None:
        """One setting of an index; None: its default again."""
        self.done("PUT", f"{index}/_settings", {setting: value})

    def stored(self, index: str) -> list[Stored]:
        """Every document of an index or data stream (10,000 at most), by time and place."""
        self.done("POST", f"{index}/_refresh")
        order = [{"@timestamp": "asc"}, {"offset": {"order": "asc", "unmapped_type": "long"}}]
        answer = self.done("POST", f"{index}/_search", {"size": 10_000, "sort": order})
        hits = answer["hits"]["hits"]  # type: ignore[index]
        return [Stored(hit["_index"], hit["_id"], hit["_source"]) for hit in hits]

    def types(self, index: str) -> dict[str, str]:
        """The type of each field at the top of an index or data stream."""
        (one,) = self.done("GET", f"{index}/_mapping").values()
        found = one["mappings"]["properties"]  # type: ignore[index]
        return {name: mapping.get("type", "object") for name, mapping in found.items()}

    def kill(self) -> None:
        """SIGKILL, as a machine that fails would."""
        self._daemon.process.kill()
        self._daemon.process.wait()

    def stop(self) -> None:
        self._daemon.stop()

    def _listens(self) -> bool:
        said = re.search(r"^listening (\d+)$", self._daemon.log.read_text(), re.MULTILINE)
        if said is None:
            return False
        self._port = int(said[1])
        return True
