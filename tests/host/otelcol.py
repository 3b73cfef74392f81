"""A real OpenTelemetry collector of the test's own: the program that `OTELCOL` names, or `otelcol`
on PATH (tests/host/otelcol_server). It needs the receivers otlp and fluentforward, which is
fluent_forward in later ones, and the exporter file."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.host.daemon import Daemon, HostUnavailable
from tests.host.ports import free_port


class Received(NamedTuple):
    """One log record, as the collector's file has it."""

    time_ns: int
    body: str
    attributes: dict[str, str]
    """The record's own."""
    resource: dict[str, str]


def otelcol_program() -> tuple[str, str]:
    """The program's path, and what it calls its Forward receiver. Raises `HostUnavailable`."""
    program = os.environ.get("OTELCOL") or shutil.which("otelcol")
    if program is None:
        raise HostUnavailable("needs an OpenTelemetry collector: its path in OTELCOL, or on PATH")
    asked = subprocess.run([program, "components"], capture_output=True, text=True, timeout=30)
    has = {line.partition("name: ")[2] for line in asked.stdout.splitlines()}
    forward = has & {"fluentforward", "fluent_forward"}
    if not forward or not has >= {"otlp", "file"}:
        raise HostUnavailable(f"{program} lacks one of otlp, fluentforward and file")
    return program, forward.pop()


class Collector:
    """A collector that writes every log record to a file, on two free loopback ports."""

    def __init__(self, directory: Path) -> None:
        program, forward = otelcol_program()
        self.otlp_port, self.forward_port = free_port(), free_port()
        self._file = directory / "received.jsonl"
        config = {
            "receivers": {
                "otlp": {"protocols": {"http": {"endpoint": f"127.0.0.1:{self.otlp_port}"}}},
                forward: {"endpoint": f"127.0.0.1:{self.forward_port}"},
            },
            "exporters": {"file": {"path": str(self._file), "flush_interval": "100ms"}},
            "service": {
                "telemetry": {"metrics": {"level": "none"}, "logs": {"level": "warn"}},
                "pipelines": {"logs": {"receivers": ["otlp", forward], "exporters": ["file"]}},
            },
        }
        file = directory / "otelcol.json"
        file.write_text(json.dumps(config))  # JSON is YAML too
        self._daemon = Daemon([program, f"--config=file:{file}"], directory / "otelcol.log")
        self._daemon.await_answer(self._listens, 30)

    def records(self) -> list[Received]:
        """All it has written so far, in the order in which it came."""
        data = self._file.read_bytes() if self._file.exists() else b""
        whole = data.split(b"\n")[:-1]
        return [record for line in whole for record in _records(json.loads(line))]

    def stop(self) -> None:
        self._daemon.stop()

    def _listens(self) -> bool:
        for port in (self.otlp_port, self.forward_port):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
            except OSError:
                return False
        return True


def _records(batch: dict[str, list[dict[str, object]]]) -> Iterator[Received]:
    for resource in batch["resourceLogs"]:
        of_resource = _attributes(resource.get("resource", {}))
        for scope in resource["scopeLogs"]:  # type: ignore[attr-defined]
            for record in scope["logRecords"]:
                yield Received(
                    int(record["timeUnixNano"]),
                    record["body"].get("stringValue", ""),
                    _attributes(record),
                    of_resource,
                )


def _attributes(holder: object) -> dict[str, str]:
    assert isinstance(holder, dict)
    return {
        pair["key"]: pair["value"].get("stringValue", "") for pair in holder.get("attributes", ())
    }
