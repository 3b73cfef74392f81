"""A real log worker on a real journal: killed, started again, and none lost."""

from __future__ import annotations

import functools
import json
from pathlib import Path

import orjson
import pytest

from agent.config import FileDestination
from agent.logs.checkpoint import decode
from tests.agent.logs.journal.journal_files import CONTAINER, JournalFiles, docker_entry
from tests.log_host import LogHost, Worker, wait_for


@pytest.fixture
def host(tmp_path: Path) -> LogHost:
    return LogHost(tmp_path / "host")


@pytest.fixture
def journal(host: LogHost) -> JournalFiles:
    directory = host.root / "var/log/journal"
    directory.mkdir(parents=True)
    return JournalFiles(directory)


def lines(out: Path) -> list[str]:
    if not out.exists():
        return []
    return [json.loads(line)["log"] for line in out.read_text().splitlines()]


def is_there(out: Path, text: str) -> bool:
    return text in lines(out)


def test_a_killed_worker_loses_nothing(
    host: LogHost, journal: JournalFiles, tmp_path: Path
) -> None:
    out, errors = tmp_path / "out.jsonl", tmp_path / "errors"
    given = host.worker_input(FileDestination(path=str(out)))
    wanted = [f"line {number}" for number in range(300)]
    for begin in range(0, 300, 100):
        journal.write([docker_entry(CONTAINER, text) for text in wanted[begin : begin + 100]])
        with Worker(given, errors) as worker:
            last = wanted[begin + 99]
            wait_for(functools.partial(is_there, out, last), 20, "the lines")
            worker.kill()
    delivered = lines(out)
    assert list(dict.fromkeys(delivered)) == wanted  # in order; a killed worker's may come twice
    assert errors.read_text().count("error") == 0


def test_a_worker_that_was_stopped_goes_on_exactly(
    host: LogHost, journal: JournalFiles, tmp_path: Path
) -> None:
    out, errors = tmp_path / "out.jsonl", tmp_path / "errors"
    given = host.worker_input(FileDestination(path=str(out)))
    journal.write([docker_entry(CONTAINER, "one"), docker_entry(CONTAINER, "two")])
    with Worker(given, errors) as worker:
        wait_for(lambda: "two" in lines(out), 20, "the first lines")
        # Written while it runs: the library tells of it through inotify.
        journal.write([docker_entry(CONTAINER, "three")])
        wait_for(lambda: "three" in lines(out), 20, "the line written later")
        assert worker.stop() == 0
        assert worker.stats is not None
        assert worker.stats.worker.journal is True
        (container,) = worker.stats.containers
        assert (container.id, container.lines) == (CONTAINER, 3)
    journal.write([docker_entry(CONTAINER, "four")])
    with Worker(given, errors) as worker:
        wait_for(lambda: "four" in lines(out), 20, "the last line")
        assert worker.stop() == 0
    assert lines(out) == ["one", "two", "three", "four"]
    (path,) = host.state.glob("logs-*.json")
    (record,) = decode(path.read_bytes())
    assert record.offset == 4
    assert record.cursor.startswith("s=")


def test_what_cannot_be_opened_is_said(host: LogHost, tmp_path: Path) -> None:
    out, errors = tmp_path / "out.jsonl", tmp_path / "errors"
    document = orjson.loads(host.worker_input(FileDestination(path=str(out))))
    document["logs"]["journald"] = {"directory": "/absent"}
    with Worker(orjson.dumps(document), errors) as worker:
        wait_for(lambda: worker.stats is not None, 20, "its statistics")
        assert worker.stop() == 0
        assert worker.stats is not None
        assert worker.stats.worker.journal is False
        assert "cannot be opened" in worker.stats.worker.journal_reason
    assert "The journal cannot be read" in errors.read_text()
