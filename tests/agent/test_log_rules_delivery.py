"""Rules in a real log worker: what is left out, what waits, what the checkpoint says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import orjson

from agent.file_destination import FileDestination
from agent.logs.stats import ContainerCounters
from tests.log_host import LogHost, Worker, shipped, wait_for

TIME = "2026-11-24T03:16:16.105173157Z"


def lines(*texts: str) -> bytes:
    rows = ({"log": f"{text}\n", "stream": "stdout", "time": TIME} for text in texts)
    return b"".join(json.dumps(row, separators=(",", ":")).encode() + b"\n" for row in rows)


def given(host: LogHost, out: Path, *rules: Mapping[str, object]) -> bytes:
    document = orjson.loads(host.worker_input(FileDestination(path=str(out))))
    document["logs"]["processing"] = rules
    return orjson.dumps(document)


def counters(worker: Worker) -> ContainerCounters | None:
    return next(iter(worker.stats.containers), None) if worker.stats is not None else None


def test_the_checkpoint_passes_lines_that_are_all_left_out(tmp_path: Path) -> None:
    host, out = LogHost(tmp_path), tmp_path / "out.jsonl"
    log = host.add_container()
    log.write_bytes(lines(*(f"line {number}" for number in range(5000))))
    rule = {"container": "web", "exclude": ["^line"]}

    def left_out() -> bool:
        found = counters(worker)
        return found is not None and found.filtered == 5000 and found.lag_bytes == 0

    with Worker(given(host, out, rule), tmp_path / "errors") as worker:
        wait_for(left_out, 20, "every line is left out, and nothing is behind")
        assert worker.stop() == 0
    found = counters(worker)
    assert found is not None
    assert (found.lines, found.filtered, found.lag_seconds, found.lost) == (5000, 5000, 0.0, {})
    assert shipped(out) == []
    files = host.checkpoint()["files"]
    assert isinstance(files, list)
    assert [file["offset"] for file in files] == [log.stat().st_size]


def test_over_its_rate_a_container_is_read_later_and_nothing_is_lost(tmp_path: Path) -> None:
    host, out = LogHost(tmp_path), tmp_path / "out.jsonl"
    host.add_container().write_bytes(lines(*(f"line {number}" for number in range(30_000))))
    rule = {"rate_lines": 2500.0}
    with Worker(given(host, out, rule), tmp_path / "errors") as worker:
        wait_for(lambda: len(shipped(out)) == 30_000, 40, "every line arrives")
        assert worker.stop() == 0
    found = counters(worker)
    assert found is not None
    assert found.throttled_seconds > 1
    assert (found.throttled, found.lost) == (0, {})
    assert [row["log"] for row in shipped(out)] == [f"line {number}" for number in range(30_000)]


def test_rules_change_records_of_their_containers_alone(tmp_path: Path) -> None:
    host, out = LogHost(tmp_path), tmp_path / "out.jsonl"
    text = ("E: jo@mail.example.org", "\tat a.B(B.java:1)", '{"level":"warn","n":1}')
    host.add_container().write_bytes(lines(*text))
    host.add_container("cd" * 32, "other").write_bytes(lines(*text))
    rule = {
        "container": "web", "multiline": ["java"], "redact": ["email"], "json": "nested",
        "level": "on",
    }  # fmt: skip
    with Worker(given(host, out, rule), tmp_path / "errors") as worker:
        wait_for(lambda: len(shipped(out)) == 5, 20, "two records of one, three of the other")
        assert worker.stop() == 0
    of = {
        name: [row for row in shipped(out) if row["container_name"] == name]
        for name in ("web", "other")
    }
    assert [row["log"] for row in of["other"]] == list(text)
    first, second = of["web"]
    assert first["log"] == "E: [redacted:email]\n\tat a.B(B.java:1)"
    assert (second["level"], second["json"]) == ("warning", {"level": "warn", "n": 1})
