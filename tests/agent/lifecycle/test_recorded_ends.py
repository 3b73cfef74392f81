"""Containers that ended, from files as the runtimes leave them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import orjson
import pytest

from agent.container.container import Container
from agent.container.docker import parse_time
from agent.container.failures import Failures
from agent.lifecycle.ended import Ended
from agent.lifecycle.events import Reason, Source
from agent.lifecycle.recorded_ends import recorded_ends
from agent.lifecycle.totals import Identity
from tests.agent.container.tree import ID, OTHER_ID, Tree, captured, oci

STARTED = "2026-11-24T03:10:00Z"
FINISHED = "2026-11-24T03:10:02.5Z"
AT = parse_time(FINISHED)
CRI = "/var/lib/containerd/io.containerd.grpc.v1.cri/containers"
CRASHED = "1e258dbc501a3f2aeba84735113d8f177ad0e46b4915b4551e500051c7de6882"
STORAGE = "/var/lib/containers/storage"
STORE = f"{STORAGE}/overlay-containers"


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def everything(_container: Container) -> bool:
    return True


def ends(tree: Tree, wanted: Callable[[Container], bool] = everything) -> list[Ended]:
    failures = Failures()
    found = recorded_ends(tree.paths, wanted, failures)
    assert failures.messages() == ()
    return found


def docker(tree: Tree, id_: str = ID, **state: object) -> None:
    known = {"StartedAt": STARTED, "FinishedAt": FINISHED, "Pid": 0, **state}
    tree.docker(id_, "/var/lib/docker", **known)


def test_docker_tells_how_a_container_ended(tree: Tree) -> None:
    docker(tree, Running=False, ExitCode=137, OOMKilled=True)
    docker(tree, OTHER_ID, Running=True, Name="/runs")
    (ended,) = ends(tree)
    assert ended.total.identity == Identity("", "", "", "rt-test")
    assert (ended.at, ended.restarting) == (AT, False)
    last = ended.total.last
    assert last is not None
    assert (last.code, last.reason, last.ran) == (137, Reason.OOM_KILLED, 2.5)
    assert last.source is Source.RUNTIME
    assert not last.final
    assert ended.source.endswith(f"{ID}/config.v2.json")


def test_docker_says_running_of_one_that_waits_to_be_started_again(tree: Tree) -> None:
    docker(tree, Running=True, Restarting=True, ExitCode=3)
    (ended,) = ends(tree)
    assert ended.restarting is True
    assert ended.total.last is not None
    assert (ended.total.last.code, ended.total.last.reason) == (3, Reason.ERROR)


def test_one_that_was_never_started_has_no_end(tree: Tree) -> None:
    tree.docker(Running=False, FinishedAt="0001-01-01T00:00:00Z")
    assert ends(tree) == []


def cri(tree: Tree, **changes: object) -> None:
    tree.meta("containerd16-meta.db")
    status = orjson.loads(captured("cri-status-3.json")) | changes
    tree.write(f"{CRI}/{CRASHED}/status", orjson.dumps(status))


def test_cri_tells_how_a_pods_container_ended(tree: Tree) -> None:
    cri(tree)
    (ended,) = ends(tree)
    assert ended.total.identity[0] == "demo"
    assert ended.total.identity.container == "crash"
    assert ended.container.log_path.endswith("/crash/2.log")
    assert (ended.total.attempt, ended.restarting) == (2, None)
    last = ended.total.last
    assert last is not None
    # Its FinishedAt is before its StartedAt.
    assert (last.code, last.reason, last.ran) == (3, Reason.ERROR, 0.0)


def test_cri_tells_nothing_of_one_that_runs_or_is_not_in_the_database(tree: Tree) -> None:
    cri(tree, FinishedAt=0)
    tree.write(f"{CRI}/{'0' * 64}/status", captured("cri-status-3.json"))
    assert ends(tree) == []


def crio(tree: Tree, **state: object) -> None:
    annotations = {
        "io.container.manager": "cri-o",
        "io.kubernetes.cri-o.ContainerType": "container",
        "io.kubernetes.container.name": "app",
        "io.kubernetes.pod.name": "web",
        "io.kubernetes.pod.namespace": "shop",
        "io.kubernetes.cri-o.Metadata": '{"name":"app","attempt":4}',
    }
    tree.write(f"{STORE}/containers.json", orjson.dumps([{"id": ID}]))
    tree.bundle(f"{STORE}/{ID}/userdata", oci(annotations))
    known = {"started": STARTED, "finished": FINISHED, "exitCode": 7, **state}
    tree.write(f"{STORE}/{ID}/userdata/state.json", orjson.dumps(known))


def test_crio_tells_how_a_pods_container_ended(tree: Tree) -> None:
    crio(tree)
    (ended,) = ends(tree)
    assert ended.total.identity == Identity("shop", "web", "app", "")
    assert (ended.at, ended.total.attempt) == (AT, 4)
    assert ended.total.last is not None
    assert (ended.total.last.code, ended.total.last.ran) == (7, 2.5)


def test_crio_tells_nothing_of_one_that_runs(tree: Tree) -> None:
    crio(tree, finished="0001-01-01T00:00:00Z")
    assert ends(tree) == []


def podman(tree: Tree, **state: object) -> str:
    """The captured database, its container "web" with this state; returns its id."""
    path = tree.at(f"{STORAGE}/db.sql")
    path.parent.mkdir(parents=True)
    path.write_bytes(captured("podman5-db.sql"))
    with closing(sqlite3.connect(path)) as database, database:
        ((id_, known),) = database.execute(
            "SELECT ID, CAST(JSON AS TEXT) FROM ContainerState WHERE ID LIKE 'e29328%'"
        ).fetchall()
        changed = orjson.dumps(orjson.loads(known) | state)
        database.execute("UPDATE ContainerState SET JSON = ? WHERE ID = ?", (changed, id_))
    tree.write(f"{STORE}/containers.json", orjson.dumps([{"id": id_, "names": ["web"]}]))
    return str(id_)


def test_podman_tells_how_a_container_ended(tree: Tree) -> None:
    id_ = podman(tree, state=6, startedTime=STARTED, finishedTime=FINISHED, exitCode=1)
    (ended,) = ends(tree)
    assert ended.ids == {id_}
    assert ended.at == AT
    assert ended.total.last is not None
    assert (ended.total.last.code, ended.total.last.ran) == (1, 2.5)


def test_podman_tells_nothing_of_one_that_runs_again(tree: Tree) -> None:
    podman(tree, startedTime=FINISHED, finishedTime=STARTED)
    assert ends(tree) == []


def test_only_what_is_wanted_is_told(tree: Tree) -> None:
    docker(tree, Running=False)
    crio(tree)
    assert [e.container.name for e in ends(tree, lambda c: c.name == "rt-test")] == ["rt-test"]


def test_what_cannot_be_read_is_said_and_hides_nothing_else(tree: Tree) -> None:
    docker(tree, Running=False)
    tree.write(f"/var/lib/docker/containers/{OTHER_ID}/config.v2.json", "{")
    failures = Failures()
    (ended,) = recorded_ends(tree.paths, everything, failures)
    assert ended.container.id == ID
    (message,) = failures.messages()
    assert OTHER_ID in message


def test_a_host_without_any_runtime_has_none(tree: Tree) -> None:
    assert ends(tree) == []
