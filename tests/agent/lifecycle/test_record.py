from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.container.docker import parse_time
from agent.container.statefile import Json, UnreadableState
from agent.lifecycle.events import Health
from agent.lifecycle.record import parse_cri, parse_docker, read_cri, read_docker
from agent.lifecycle.run import Recorded

FIXTURES = Path(__file__).parents[2] / "fixtures" / "runtimes"
FINISHED = "2026-11-24T03:10:00.5Z"
BEGAN = (parse_time(FINISHED) or 0.0) - 2.0


def docker(**state: object) -> Json:
    return {"State": {"Running": False, "FinishedAt": FINISHED, "Health": None, **state}}


def test_docker_tells_exit_code_and_oom_kill_of_a_run_that_ended() -> None:
    found = parse_docker(docker(ExitCode=137, OOMKilled=True), 9.0, BEGAN)
    assert found == Recorded(9.0, exit_code=137, oom_killed=True, health=Health.NONE)


def test_docker_tells_nothing_of_the_run_before() -> None:
    found = parse_docker(docker(ExitCode=137, OOMKilled=True), 9.0, BEGAN + 3.0)
    assert found == Recorded(9.0, health=Health.NONE)


def test_docker_tells_nothing_of_the_end_while_it_runs() -> None:
    found = parse_docker(docker(ExitCode=0, Running=True), 9.0, BEGAN)
    assert found == Recorded(9.0, health=Health.NONE)


def test_docker_tells_why_a_program_could_not_be_started() -> None:
    state = docker(ExitCode=127, FinishedAt="0001-01-01T00:00:00Z", Error="exec: no such file")
    found = parse_docker(state, 9.0, BEGAN)
    assert (found.exit_code, found.failed) == (127, True)


@pytest.mark.parametrize(
    ("status", "health"),
    [
        ("starting", Health.STARTING),
        ("healthy", Health.HEALTHY),
        ("unhealthy", Health.UNHEALTHY),
        ("none", Health.NONE),
        ("a word of a later Docker", None),
    ],
)
def test_docker_tells_the_health(status: str, health: Health | None) -> None:
    assert parse_docker(docker(Health={"Status": status}), 9.0, BEGAN).health is health


def test_a_captured_record_of_a_running_container_tells_its_health_alone() -> None:
    found = read_docker(str(FIXTURES / "docker-config.v2.json"), 9.0, BEGAN)
    assert found == Recorded(9.0, health=Health.NONE)


def test_cri_tells_the_exit_code() -> None:
    status = orjson.loads((FIXTURES / "cri-status-3.json").read_bytes())
    began = status["FinishedAt"] / 1e9 - 0.1
    assert parse_cri(status, 9.0, began) == Recorded(9.0, exit_code=3, oom_killed=False)


def test_cri_tells_an_oom_kill() -> None:
    path = FIXTURES / "cri-status-OOMKilled.json"
    began = orjson.loads(path.read_bytes())["FinishedAt"] / 1e9 - 1.0
    assert read_cri(str(path), 9.0, began) == Recorded(9.0, exit_code=137, oom_killed=True)


def test_cri_tells_nothing_of_one_that_runs() -> None:
    assert parse_cri({"FinishedAt": 0, "ExitCode": 0}, 9.0, BEGAN) == Recorded(9.0)


def test_an_absent_record_is_none(tmp_path: Path) -> None:
    assert read_docker(str(tmp_path / "config.v2.json"), 9.0, BEGAN) is None
    assert read_cri(str(tmp_path / "status"), 9.0, BEGAN) is None


def test_a_broken_record_is_named(tmp_path: Path) -> None:
    path = tmp_path / "status"
    path.write_text("{")
    with pytest.raises(UnreadableState, match=str(path)):
        read_cri(str(path), 9.0, BEGAN)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
KEYS = ["State", "Running", "FinishedAt", "ExitCode", "Health", "Status", "Error", "Reason"]


@given(st.dictionaries(st.sampled_from(KEYS), JSON | st.dictionaries(st.sampled_from(KEYS), JSON)))
def test_a_record_of_any_shape_is_read(config: Json) -> None:
    assert parse_docker(config, 9.0, BEGAN).at == 9.0
    assert parse_cri(config, 9.0, BEGAN).at == 9.0
