"""agent.sources.docker_engine against a strict server at a Unix socket."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.container.discovery import Discovery
from agent.lifecycle.events import Health
from agent.lifecycle.record import parse_docker
from agent.sources.docker_engine import KEEP, DockerEngine, ended, negotiate
from tests.agent.container.tree import Tree
from tests.agent.sources.documents import inspected
from tests.agent.sources.server import Script, serving
from tests.host.daemon import wait_until

WEB, NEW = "a1" * 32, "b2" * 32
VERSION = {"Version": "20.10", "ApiVersion": "1.41", "MinAPIVersion": "1.12"}
API = "/v1.41"


def script(*ids: str) -> Script:
    return Script(
        {
            "/version": orjson.dumps(VERSION),
            f"{API}/containers/json": orjson.dumps([{"Id": id_} for id_ in ids]),
            f"{API}/events*": b"",
            **{f"{API}/containers/{id_}/json": inspected(id_) for id_ in ids},
        }
    )


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@contextmanager
def following(says: Script, clock: Clock | None = None) -> Iterator[DockerEngine]:
    # Below 108 bytes, which is all a Unix socket's name may have.
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "docker.sock"
        with serving(says, unix=path):
            engine = DockerEngine(str(path), clock=clock or Clock(), first_wait=0.02)
            engine.start()
            try:
                yield engine
            finally:
                engine.stop()


def event(action: str, id_: str = WEB, **attributes: str) -> bytes:
    return orjson.dumps(
        {
            "Type": "container",
            "Action": action,
            "Actor": {"ID": id_, "Attributes": attributes},
            "timeNano": 1795489300000000000,
        }
    )


def test_what_runs_is_listed_and_then_followed() -> None:
    says = script(WEB)
    with following(says) as engine:
        stream = says.stream()
        assert engine.follower.up
        known = engine.get(WEB)
        assert known is not None
        found = known.container
        assert (found.id, found.name, found.source) == (WEB, "web", "docker-api")
        assert (found.image, found.labels["app"]) == ("busybox:local", "demo")
        assert found.declared is not None
        assert "hunter2" not in repr(known)
        assert engine.get(NEW) is None
        says.bodies[f"{API}/containers/{NEW}/json"] = inspected(NEW, "later")
        stream.line(event("start", NEW))
        wait_until(lambda: engine.get(NEW) is not None, 20, "the new one")
        says.bodies[f"{API}/containers/{NEW}/json"] = inspected(NEW, "renamed")
        stream.line(event("rename", NEW))
        wait_until(lambda: engine.get(NEW).container.name == "renamed", 20, "its new name")  # type: ignore[union-attr]
    assert {asked.partition("?")[0] for asked in says.asked} == {
        *("/version", f"{API}/containers/json", f"{API}/events"),
        *(f"{API}/containers/{id_}/json" for id_ in (WEB, NEW)),
    }


def test_the_end_is_told_by_the_event_and_remembered_for_a_while() -> None:
    says, clock = script(WEB), Clock()
    with following(says, clock) as engine:
        stream = says.stream()
        began = 1795489200.0
        running = parse_docker(engine.get(WEB).record, 9.0, began)  # type: ignore[union-attr]
        assert (running.exit_code, running.health) == (None, Health.HEALTHY)
        stream.line(event("exec_die", exitCode="9"))
        stream.line(event("oom"))
        stream.line(event("die", exitCode="137"))
        stream.line(event("destroy"))
        wait_until(lambda: engine.get(WEB).gone is not None, 20, "the end")  # type: ignore[union-attr]
        found = parse_docker(engine.get(WEB).record, 9.0, began)  # type: ignore[union-attr]
        assert (found.exit_code, found.oom_killed) == (137, True)
        # Of a run that began after it, it says nothing.
        later = parse_docker(engine.get(WEB).record, 9.0, 1795489301.0)  # type: ignore[union-attr]
        assert later.exit_code is None
        clock.now += KEEP + 1
        stream.line(event("kill", NEW))
        wait_until(lambda: engine.get(WEB) is None, 20, "it is forgotten")


def test_a_connection_that_breaks_off_is_made_anew_and_what_was_missed_is_found() -> None:
    says = script(WEB)
    with following(says) as engine:
        stream = says.stream()
        says.bodies[f"{API}/containers/json"] = orjson.dumps([{"Id": NEW}])
        says.bodies[f"{API}/containers/{NEW}/json"] = inspected(NEW)
        stream.cut()
        says.stream()
        assert engine.get(NEW) is not None
        assert engine.get(WEB).gone is not None  # type: ignore[union-attr]


def test_a_container_that_goes_between_list_and_look_is_left_out() -> None:
    says = script(WEB)
    del says.bodies[f"{API}/containers/{WEB}/json"]
    with following(says) as engine:
        says.stream()
        assert engine.get(WEB) is None
        assert engine.follower.failures == 0


def test_an_answer_that_is_none_is_a_failure_and_tried_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    says = script(WEB)
    says.bodies["/version"] = b"<html>"
    with following(says) as engine:
        wait_until(lambda: engine.follower.failures > 1, 20, "two failures")
        assert not engine.follower.up
        says.bodies["/version"] = orjson.dumps(VERSION)
        says.stream()
        assert engine.get(WEB) is not None
    assert len([r for r in caplog.records if "not JSON" in r.message]) == 1


def test_a_container_whose_files_may_not_be_read_is_named_by_docker(tmp_path: Path) -> None:
    tree, says = Tree(tmp_path), script(WEB)
    with following(says) as engine:
        says.stream()
        discovery = Discovery(tree.paths, now=lambda: 1.0, engine=engine)
        found = discovery.container_of(tree.cgroup(f"/docker/{WEB}"), tuple)
        assert found is not None
        assert (found.name, found.source) == ("web", "docker-api")
        assert discovery.answered() == {"docker-api": 1}
        other = discovery.container_of(tree.cgroup(f"/docker/{NEW}"), tuple)
        assert other is not None
        assert other.source == "path"


def test_the_files_come_first(tmp_path: Path) -> None:
    tree, says = Tree(tmp_path), script(WEB)
    tree.docker(WEB)
    with following(says) as engine:
        says.stream()
        discovery = Discovery(tree.paths, now=lambda: 1.0, engine=engine)
        found = discovery.container_of(tree.cgroup(f"/docker/{WEB}"), tuple)
        assert found is not None
        assert found.source == "docker"


@pytest.mark.parametrize(
    ("newest", "oldest", "chosen"),
    [
        ("1.41", "1.12", "1.41"),
        ("1.24", "1.12", "1.24"),
        ("1.24", "", "1.24"),
        ("1.60", "1.44", "1.51"),
        ("2.0", "1.44", "1.51"),
    ],
)
def test_the_newest_version_both_speak_is_chosen(newest: str, oldest: str, chosen: str) -> None:
    assert negotiate({"ApiVersion": newest, "MinAPIVersion": oldest}) == chosen


@pytest.mark.parametrize(
    "versions",
    [
        {},
        {"ApiVersion": "1.23"},
        {"ApiVersion": "1.60", "MinAPIVersion": "1.52"},
        {"ApiVersion": "x.y"},
        {"ApiVersion": "1.²"},
    ],
)
def test_a_docker_of_another_time_is_refused_in_words(versions: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="API"):
        negotiate(versions)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.dictionaries(
        st.sampled_from(["Actor", "Attributes", "exitCode", "timeNano", "State", "ID"]), inner
    ),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(["Actor", "timeNano", "Action"]), JSON), JSON)
def test_any_event_leaves_a_record(happened: dict[str, Any], state: Any) -> None:
    record = ended({"State": state}, happened)
    code = parse_docker(record, 9.0, 0.0).exit_code
    assert code is None or code < 100_000
