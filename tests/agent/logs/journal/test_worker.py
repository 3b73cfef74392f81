"""A real log worker on a real journal: killed, started again, and none lost."""

from __future__ import annotations

import functools
from pathlib import Path

import orjson
import pytest

from agent.container.log_sources import LogSources
from agent.file_destination import FileDestination
from agent.logs.checkpoint import decode
from agent.logs.faults import FaultLog
from agent.logs.handover import parse_worker_input
from agent.logs.journal.source import Opened, open_intake
from agent.logs.processing.rules import Rules
from exporters.file.json_lines import JsonLinesEncoder
from tests.agent.container.tree import captured
from tests.agent.logs.journal.journal_files import CONTAINER, JournalFiles, docker_entry
from tests.log_host import LogHost, Worker, shipped, wait_for


@pytest.fixture
def host(tmp_path: Path) -> LogHost:
    return LogHost(tmp_path / "host")


@pytest.fixture
def journal(host: LogHost) -> JournalFiles:
    directory = host.root / "var/log/journal"
    directory.mkdir(parents=True)
    return JournalFiles(directory)


def lines(out: Path) -> list[str]:
    return [record["log"] for record in shipped(out)]


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


def test_a_record_of_podmans_has_its_containers_labels(
    host: LogHost, journal: JournalFiles, tmp_path: Path
) -> None:
    storage = host.root / "var/lib/containers/storage"
    (storage / "overlay-containers").mkdir(parents=True)
    (storage / "libpod").mkdir()
    names = captured("podman-containers.json")
    (storage / "overlay-containers/containers.json").write_bytes(names)
    database = captured("podman4-bolt_state.db").replace(b"k8s-file", b"journald")
    (storage / "libpod/bolt_state.db").write_bytes(database)
    podman = "39f3ae76f3cb187f4e7ec6be942550b4a38120f8d74defec6c5657123a55a596"
    written = {"CONTAINER_ID_FULL": podman, "CONTAINER_NAME": "pod-test", "_COMM": "conmon"}
    journal.write(
        [
            {"MESSAGE": "root's", "_UID": "0", **written},
            {"MESSAGE": "somebody's", "_UID": "1000", **written},
        ]
    )
    out = tmp_path / "out.jsonl"
    document = orjson.loads(host.worker_input(FileDestination(path=str(out))))
    document["logs"]["labels"] = ["app"]
    with Worker(orjson.dumps(document), tmp_path / "errors") as worker:
        wait_for(functools.partial(is_there, out, "somebody's"), 20, "both lines")
        assert worker.stop() == 0
    first, second = shipped(out)
    assert (first["label_app"], first["image"]) == ("pdemo", "localhost/busybox:local")
    assert second["container_name"] == "pod-test"
    assert "label_app" not in second


def test_files_that_may_not_be_read_are_said(
    host: LogHost, journal: JournalFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = journal.write([docker_entry(CONTAINER, "one")])
    given = parse_worker_input(host.worker_input(FileDestination(path="/out.jsonl")))
    said: list[str] = []
    faults = FaultLog(said.append, lambda: 0.0, lambda: 0.0)

    def opened() -> Opened:
        found = open_intake(given, (), lambda _fields: JsonLinesEncoder({}), faults, Rules(),
                            LogSources(given.paths))  # fmt: skip
        assert found.intake is not None
        found.intake.close()
        return found

    assert (opened().read, opened().reason, said) == (True, "", [])
    monkeypatch.setattr("agent.logs.journal.source._may_read", lambda path: path != str(file))
    assert (opened().read, opened().reason) == (False, f"{file} may not be read")
    assert "Files of the journal may not be read" in said[0]


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
