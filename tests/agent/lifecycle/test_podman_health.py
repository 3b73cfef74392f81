from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.container.container import Container
from agent.container.declared import Declared
from agent.container.statefile import Json, UnreadableState
from agent.container.supervisor import Supervisor
from agent.lifecycle.events import Health
from agent.lifecycle.podman_health import health_log, parse_health, read_health
from agent.lifecycle.run import Recorded

RUN = "/run/containers/storage/overlay-containers/c1"
CONMON = Supervisor(
    kind="conmon", pid=1, id="c1", bundle="/b", child=2, pidfile=f"{RUN}/userdata/pidfile"
)
WEB = Container(runtime="podman", id="c1", name="web", declared=Declared(health_check=True))
# As Podman 4.3 and 5.4 write it.
UNHEALTHY = (
    b'{"Status":"unhealthy","FailingStreak":1,"Log":[{"Start":"2026-11-25T01:44:06.512575739Z",'
    b'"End":"2026-11-25T01:44:06.628569401Z","ExitCode":1,"Output":""}]}'
)


def with_log(destination: str) -> Container:
    return replace(WEB, declared=Declared(health_check=True, health_log=destination))


def test_it_is_beside_the_run_directory_or_where_it_was_asked_to_be() -> None:
    assert health_log(CONMON, WEB) == f"{RUN}/healthcheck.log"
    assert health_log(CONMON, with_log("/srv/health")) == "/srv/health/c1-healthcheck.log"


def test_it_is_nowhere_with_the_events_or_without_podman() -> None:
    assert health_log(CONMON, with_log("events_logger")) is None
    assert health_log(CONMON._replace(pidfile=""), WEB) is None
    assert health_log(CONMON, replace(WEB, runtime="cri-o")) is None
    assert health_log(CONMON, replace(WEB, declared=None)) is None


def test_a_container_without_a_check_has_none(tmp_path: Path) -> None:
    without = replace(WEB, declared=Declared(health_check=False))
    assert health_log(CONMON, without) == ""
    assert read_health("", 9.0, 1.0) == Recorded(9.0, health=Health.NONE)


def test_the_state_is_read_once_it_is_of_this_run(tmp_path: Path) -> None:
    path = tmp_path / "healthcheck.log"
    assert read_health(str(path), 9.0, 100.0) is None
    path.write_bytes(UNHEALTHY)
    os.utime(path, (200.0, 200.0))
    assert read_health(str(path), 9.0, 200.005) == Recorded(9.0, health=Health.UNHEALTHY)
    assert read_health(str(path), 9.0, 201.0) is None


def test_what_is_half_written_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "healthcheck.log"
    path.write_bytes(UNHEALTHY[:40])
    with pytest.raises(UnreadableState, match=r"healthcheck\.log"):
        read_health(str(path), 9.0, 0.0)


@pytest.mark.parametrize("word", ["starting", "healthy", "unhealthy"])
def test_its_words_are_dockers(word: str) -> None:
    assert parse_health({"Status": word}) == Health(word)


@given(st.dictionaries(st.text(), st.none() | st.integers() | st.text() | st.lists(st.text())))
def test_any_other_word_is_not_known(found: Json) -> None:
    assert parse_health({**found, "Status": "stopped"}) is None
    assert parse_health({key: value for key, value in found.items() if key != "Status"}) is None
