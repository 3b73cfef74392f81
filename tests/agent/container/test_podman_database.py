from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agent.container import podman_database
from agent.container.podman_database import (
    Databases,
    Recorded,
    parse_sqlite,
    read_bolt,
    read_sqlite,
)
from agent.container.statefile import UnreadableState
from tests.agent.container.tree import captured

SQLITE = captured("podman5-db.sql")
WEB = "e29328a0765f98ebc24a6fee21bbd13e41f20cb7a2328798294513c23df171a5"
INFRA = "57fc2301004a1d057aa24796c9cb1b5fbe9861f2394009ab514a6cfc953d0f63"
FRONT = "e47dc79eb7eee7b2dbe3dbf79f477a8017668c923417b73f6c78d52899e52a60"
BOLT_INFRA = "8fadb442d8c0dfdd502e63ed8ed5418c4664f6f8647e7a92594ca9a98ef6c6c8"


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    (tmp_path / "libpod").mkdir()
    return tmp_path


def sqlite(graph: Path, data: bytes = SQLITE) -> Path:
    path = graph / "libpod" / "db.sql"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("name", ["db.sql", "libpod/db.sql"])
def test_podman_5s_database_has_labels_log_and_pod(graph: Path, name: str) -> None:
    (graph / name).write_bytes(SQLITE)
    databases = Databases()
    web = databases.get(str(graph), WEB)
    assert web is not None
    assert (web.name, web.image, web.labels) == (
        "web2",
        "localhost/agent-test:1",
        {"app": "web"},
    )
    assert (web.log_driver, web.pod, web.pod_id) == ("k8s-file", "", "")
    assert web.log_path.endswith(f"/overlay-containers/{WEB}/userdata/ctr.log")
    front = databases.get(str(graph), FRONT)
    assert front is not None
    assert (front.name, front.pod, front.is_infra) == ("front", "shop", False)
    assert front.pod_id.startswith("045fb3311631")
    infra = databases.get(str(graph), INFRA)
    assert infra is not None
    assert (infra.pod, infra.is_infra, infra.labels) == ("shop", True, {"tier": "front"})
    assert databases.get(str(graph), "0" * 64) is None


def test_podman_4s_database_has_labels_log_and_pod(graph: Path) -> None:
    path = graph / "libpod" / "bolt_state.db"
    path.write_bytes(captured("podman4-bolt_state.db"))
    infra = Databases().get(str(graph), BOLT_INFRA)
    assert infra is not None
    assert (infra.name, infra.is_infra) == ("ed77b1137152-infra", True)
    assert infra.pod_id.startswith("ed77b1137152")
    assert infra.pod
    assert infra.log_path.endswith("/userdata/ctr.log")
    assert infra.restarts == 0
    assert read_bolt(str(path), "0" * 64) is None


def test_the_count_of_restarts_is_the_state_s(graph: Path) -> None:
    path = sqlite(graph)
    with closing(sqlite3.connect(path)) as database:
        database.execute(
            "UPDATE ContainerState SET JSON ="
            " CAST(json_set(CAST(JSON AS TEXT), '$.restartCount', 3) AS BLOB) WHERE ID = ?",
            (WEB,),
        )
        database.execute("DELETE FROM ContainerState WHERE ID = ?", (INFRA,))
        database.commit()
    found = read_sqlite(str(path))
    assert [found[id_].restarts for id_ in (WEB, FRONT, INFRA)] == [3, 0, None]


def test_a_migrated_root_is_read_from_sqlite_first(graph: Path) -> None:
    sqlite(graph)
    (graph / "libpod" / "bolt_state.db").write_bytes(captured("podman4-bolt_state.db"))
    databases = Databases()
    for id_ in (WEB, BOLT_INFRA):
        assert databases.get(str(graph), id_) is not None


def test_without_a_database_there_is_nothing(graph: Path) -> None:
    assert Databases().get(str(graph), WEB) is None
    assert Databases().get(str(graph / "absent"), WEB) is None
    assert read_sqlite(str(graph / "absent")) == {}


def test_an_unchanged_database_is_read_once(graph: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = sqlite(graph)
    reads = []

    def counted(path: str) -> dict[str, Recorded]:
        reads.append(path)
        return read_sqlite(path)

    monkeypatch.setattr(podman_database, "read_sqlite", counted)
    databases = Databases()
    databases.get(str(graph), WEB)
    databases.get(str(graph), FRONT)
    assert len(reads) == 1
    sqlite(graph)
    databases.get(str(graph), WEB)
    assert reads == [str(path)] * 2


def test_a_database_amid_a_commit_is_not_believed(graph: Path) -> None:
    path = sqlite(graph)
    journal = path.with_name("db.sql-journal")
    journal.write_bytes(b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7")
    with pytest.raises(UnreadableState, match="being written"):
        Databases().get(str(graph), WEB)
    journal.write_bytes(bytes(28))  # journal_mode=PERSIST after a commit
    assert Databases().get(str(graph), WEB) is not None


def test_a_write_ahead_log_leaves_the_older_state_readable(graph: Path) -> None:
    path = sqlite(graph)
    with closing(sqlite3.connect(path)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("UPDATE ContainerConfig SET Name = 'other' WHERE ID = ?", (WEB,))
        writer.commit()
        assert WEB in read_sqlite(str(path))


def test_a_commit_at_any_moment_gives_the_state_before_or_after_it(graph: Path) -> None:
    path = sqlite(graph)
    stop = threading.Event()
    failures: list[BaseException] = []
    written = 0

    def write() -> None:
        nonlocal written
        # No patience: a lock of the reader's, however short, would be an error here.
        with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as writer:
            writer.execute("PRAGMA synchronous = OFF")
            try:
                while not stop.is_set():
                    config = orjson.dumps({"name": str(written), "labels": {"x": "y" * 6000}})
                    writer.execute("BEGIN EXCLUSIVE")
                    for id_ in (WEB, FRONT):
                        writer.execute(
                            "UPDATE ContainerConfig SET JSON = ? WHERE ID = ?", (config, id_)
                        )
                    writer.execute("COMMIT")
                    written += 1
            except sqlite3.Error as error:
                failures.append(error)

    thread = threading.Thread(target=write)
    thread.start()
    seen: set[str] = set()
    tries = 0
    try:
        while len(seen) < 30 and tries < 20000 and thread.is_alive():
            tries += 1
            try:
                found = read_sqlite(str(path))
            except UnreadableState as error:
                assert error.why == "being written"  # noqa: PT017 - the other outcome
                continue
            if found[WEB].name != "web2":  # as captured
                assert found[WEB].name == found[FRONT].name
                seen.add(found[WEB].name)
    finally:
        stop.set()
        thread.join()
    assert failures == []
    assert len(seen) >= 2
    assert written > 0


def test_what_is_not_podmans_is_refused_by_name(graph: Path) -> None:
    for data in (b"", b"no database", SQLITE[:5000], b"\0" * 8192):
        path = sqlite(graph, data)
        with pytest.raises(UnreadableState, match=r"not (Podman's|a SQLite) database"):
            read_sqlite(str(path))


@given(st.binary(max_size=400), st.integers(0, len(SQLITE) - 1), st.integers(0, len(SQLITE)))
@example(b"\x80", 91500, 155649)  # a schema that is no UTF-8
def test_a_damaged_database_is_read_or_refused(noise: bytes, at: int, end: int) -> None:
    data = (SQLITE[:at] + noise + SQLITE[at + len(noise) :])[:end]
    try:
        found = parse_sqlite(data, "db.sql")
    except UnreadableState as error:
        found = {}
        assert error.path == "db.sql"  # noqa: PT017 - read is as good an outcome
    assert all(isinstance(recorded.name, str) for recorded in found.values())
