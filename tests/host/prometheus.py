"""A real Prometheus of the test's own, from the distribution's package."""

from __future__ import annotations

import json
import shutil
import socket
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypedDict, cast

from tests.host.daemon import Daemon, HostUnavailable


class Row(TypedDict):
    """One series of an instant query."""

    metric: dict[str, str]
    value: tuple[float, str]


Result = list[Row]


def need_prometheus() -> None:
    """Raise `HostUnavailable` unless the package is installed."""
    for program in ("prometheus", "promtool"):
        if shutil.which(program) is None:
            raise HostUnavailable(f"needs {program} (package prometheus)")


class Prometheus:
    """Prometheus on a free loopback port, scraping each second."""

    def __init__(
        self,
        directory: Path,
        targets: Mapping[str, str],
        *,
        labels: Mapping[str, str] | None = None,
        rules: Mapping[str, str] | None = None,
        program: str = "prometheus",
        address: str = "",
        options: Sequence[str] = (),
    ) -> None:
        """targets: job → HOST:PORT. labels: on every target. rules: recorded name → expression.
        address: HOST:PORT to listen on. options: further ones of the command line."""
        config = {
            "global": {
                "scrape_interval": "1s",
                "scrape_timeout": "1s",
                "evaluation_interval": "1s",
            },
            "scrape_configs": [
                {
                    "job_name": job,
                    "static_configs": [{"targets": [target], "labels": dict(labels or {})}],
                }
                for job, target in targets.items()
            ],
            "rule_files": ["rules.json"] if rules else [],
        }
        # JSON is YAML too.
        file = directory / "prometheus.json"
        file.write_text(json.dumps(config))
        recording = [{"record": name, "expr": text} for name, text in (rules or {}).items()]
        group = {"groups": [{"name": "recorded", "rules": recording}]}
        (directory / "rules.json").write_text(json.dumps(group))
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.address = address or f"127.0.0.1:{probe.getsockname()[1]}"
        self._daemon = Daemon(
            [
                program,
                f"--config.file={file}",
                f"--storage.tsdb.path={directory / 'tsdb'}",
                f"--web.listen-address={self.address}",
                *options,
            ],
            directory / "prometheus.log",
        )
        self._daemon.await_answer(self._ready, 30)

    def query(self, expression: str) -> Result:
        """An instant query now."""
        url = f"http://{self.address}/api/v1/query?" + urllib.parse.urlencode({"query": expression})
        with urllib.request.urlopen(url, timeout=30) as response:
            answer = json.load(response)
        assert answer["status"] == "success", answer
        return cast(Result, answer["data"]["result"])

    def number(self, expression: str) -> float:
        """The value of the one series `expression` gives."""
        (row,) = self.query(expression)
        return float(row["value"][1])

    def numbers(self, expression: str, label: str) -> dict[str, float]:
        """The values of a vector by one of its labels, which tells its series apart."""
        found = self.query(expression)
        values = {row["metric"].get(label, ""): float(row["value"][1]) for row in found}
        assert len(values) == len(found), found
        return values

    def kill(self) -> None:
        """SIGKILL, as a machine that fails would."""
        self._daemon.process.kill()
        self._daemon.process.wait()

    def stop(self) -> None:
        self._daemon.stop()

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://{self.address}/-/ready", timeout=5) as response:
                return int(response.status) == 200
        except OSError:
            return False


@contextmanager
def prometheus(
    directory: Path,
    targets: Mapping[str, str],
    *,
    labels: Mapping[str, str] | None = None,
    rules: Mapping[str, str] | None = None,
) -> Iterator[Prometheus]:
    """One for as long as this lasts."""
    server = Prometheus(directory, targets, labels=labels, rules=rules)
    try:
        yield server
    finally:
        server.stop()
