from __future__ import annotations

import os
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.container.docker import parse_time
from agent.container.podman_ends import read_state
from agent.container.statefile import Json, UnreadableState
from agent.container.supervisor import Supervisor
from agent.lifecycle.events import Health
from agent.lifecycle.record import (
    parse_cri,
    parse_crio,
    parse_docker,
    parse_podman,
    read_conmon,
    read_cri,
    read_docker,
)
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


def test_docker_tells_the_end_while_it_waits_to_start_it_again() -> None:
    waiting = docker(ExitCode=137, OOMKilled=True, Running=True, Restarting=True)
    found = parse_docker(waiting, 9.0, BEGAN)
    assert found == Recorded(9.0, exit_code=137, oom_killed=True, health=Health.NONE)


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


@pytest.mark.parametrize(
    ("outcomes", "health"),
    [(None, None), ([], None), ([{"ExitCode": 1}], Health.STARTING)],
)
def test_starting_is_told_from_a_file_once_a_check_was_made(
    outcomes: object, health: Health | None, tmp_path: Path
) -> None:
    """Docker 26 and newer leave it there for good."""
    path = tmp_path / "config.v2.json"
    path.write_bytes(orjson.dumps(docker(Health={"Status": "starting", "Log": outcomes})))
    found = read_docker(str(path), 9.0, BEGAN)
    assert found is not None
    assert found.health is health


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


def conmon(directory: Path) -> Supervisor:
    bundle = directory / "store" / "overlay-containers" / "c1" / "userdata"
    bundle.mkdir(parents=True, exist_ok=True)
    return Supervisor(
        kind="conmon",
        pid=1,
        id="c1",
        bundle=str(bundle),
        child=2,
        exit_file=str(directory / "c1"),
        persist=str(bundle),
    )


@pytest.mark.parametrize(("text", "code"), [("0", 0), ("137", 137), ("3\n", 3)])
def test_conmons_file_has_the_exit_code_of_a_run_it_is_newer_than(
    tmp_path: Path, text: str, code: int
) -> None:
    made = conmon(tmp_path)
    assert read_conmon(made, 9.0, 0.0) == Recorded(9.0)
    Path(made.exit_file).write_text(text)
    written = os.stat(made.exit_file).st_mtime
    assert read_conmon(made, 9.0, written) == Recorded(9.0, exit_code=code)
    assert read_conmon(made, 9.0, written + 1) == Recorded(9.0)


def test_conmons_oom_file_tells_the_kill_and_its_absence_tells_nothing(tmp_path: Path) -> None:
    made = conmon(tmp_path)
    (Path(made.persist) / "exit").write_text("137")
    assert read_conmon(made, 9.0, 0.0) == Recorded(9.0, exit_code=137)
    (Path(made.bundle) / "oom").touch()
    assert read_conmon(made, 9.0, 0.0) == Recorded(9.0, exit_code=137, oom_killed=True)


@pytest.mark.parametrize("data", [b"", b"x", b"-1", b"256", b"1000", b"1 2", b"\xff"])
def test_an_exit_file_without_a_code_is_refused_or_empty(tmp_path: Path, data: bytes) -> None:
    made = conmon(tmp_path)
    Path(made.exit_file).write_bytes(data)
    if not data:  # being written
        assert read_conmon(made, 9.0, 0.0) == Recorded(9.0)
        return
    with pytest.raises(UnreadableState, match="no exit code"):
        read_conmon(made, 9.0, 0.0)


def test_cri_os_state_tells_the_end_where_the_exit_file_does_not(tmp_path: Path) -> None:
    made = conmon(tmp_path)
    state = {"finished": FINISHED, "exitCode": 137, "oomKilled": True}
    (Path(made.persist) / "state.json").write_bytes(orjson.dumps(state))
    assert read_conmon(made, 9.0, BEGAN) == Recorded(9.0, exit_code=137, oom_killed=True)
    assert read_conmon(made, 9.0, BEGAN + 3) == Recorded(9.0)
    # Not ended, as CRI-O writes it while it runs.
    assert parse_crio({"finished": "0001-01-01T00:00:00Z"}, 9.0, 0.0) == Recorded(9.0)
    assert parse_crio({"finished": FINISHED}, 9.0, BEGAN).exit_code is None


def test_podmans_state_leaves_out_a_zero() -> None:
    found = parse_podman({"finishedTime": FINISHED, "exited": True}, 9.0, BEGAN)
    assert found == Recorded(9.0, exit_code=0, oom_killed=False)
    assert parse_podman({"finishedTime": FINISHED, "exitCode": -1}, 9.0, BEGAN).exit_code is None


@pytest.mark.parametrize(
    ("name", "file", "id_"),
    [
        ("podman5-db.sql", "db.sql", "e29328a0765f98ebc24a6fee21bbd13e41f20cb7a2328798294513c23df171a5"),  # noqa: E501
        ("podman5-db.sql", "libpod/db.sql", "e29328a0765f98ebc24a6fee21bbd13e41f20cb7a2328798294513c23df171a5"),  # noqa: E501
        ("podman4-bolt_state.db", "libpod/bolt_state.db", "8fadb442d8c0dfdd502e63ed8ed5418c4664f6f8647e7a92594ca9a98ef6c6c8"),  # noqa: E501
    ],
)  # fmt: skip
def test_both_databases_of_podman_have_the_state(
    tmp_path: Path, name: str, file: str, id_: str
) -> None:
    (tmp_path / "libpod").mkdir()
    (tmp_path / file).write_bytes((FIXTURES / name).read_bytes())
    state = read_state(str(tmp_path), id_)
    assert state is not None
    assert "state" in state
    assert read_state(str(tmp_path), "0" * 64) is None


@given(
    st.dictionaries(st.sampled_from(["finished", "finishedTime", "exitCode", "oomKilled"]), JSON)
)
def test_any_state_of_podmans_or_cri_os_is_a_record(state: dict[str, object]) -> None:
    for found in (parse_crio(state, 9.0, 0.0), parse_podman(state, 9.0, 0.0)):
        assert found.exit_code is None or 0 <= found.exit_code <= 255
