"""`agent why`, `agent events` and `agent snapshot` about the past, by the real command line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from agent.cgroupfs.cpu import CpuMax
from agent.cli.exits import ERROR, FINDINGS, NOT_FOUND, OK, USAGE
from agent.cli.main import main
from agent.history.ring import Bounds, Ring
from agent.history.saving import save
from agent.model import Snapshot
from tests.agent.history.test_segment import EVENT
from tests.agent.snapshots import WALL, docker, reading, sample, snapshot

LIMIT = CpuMax(20_000, 100_000)


def throttled(seconds: float, *, there: bool = True) -> Snapshot:
    """A host with "web", which is stopped by its limit in every period, and "quiet"."""
    made = reading(
        usage_usec=int(seconds * 200_000),
        periods=int(seconds * 10),
        throttled=int(seconds * 10),
        throttled_usec=int(seconds * 800_000),
        cpu_max=LIMIT,
    )
    web = sample(made, inode=1, path="/docker/web", container=docker("web"), at=seconds)
    quiet = sample(inode=2, path="/docker/quiet", container=docker("quiet"), at=seconds)
    return snapshot(*((web, quiet) if there else (quiet,)), at=seconds)


@pytest.fixture
def state(tmp_path: Path) -> str:
    """logs.state with a history of ten minutes, of which web is there for five."""
    ring = Ring(str(tmp_path / "history"), Bounds(10**9, 1e9))
    for seconds in range(0, 601, 20):
        ring.add(throttled(seconds, there=seconds <= 300))
    ring.event(replace(EVENT, at=WALL + 590))
    ring.close()
    return f"logs.state={tmp_path}"


def ends(argv: Sequence[str]) -> int:
    try:
        return main(argv)
    except SystemExit as ended:
        return int(ended.code or 0)


def stamp(seconds: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(WALL + seconds, UTC).isoformat()


def test_why_explains_a_container_that_is_gone(
    state: str, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ["why", "web", "--at", stamp(400), "--set", state, "--exit-code"]
    assert ends(argv) == FINDINGS
    out = capsys.readouterr().out
    assert "cpu_throttled" in out
    assert "quiet" not in out


def test_why_of_the_whole_host_as_json(state: str, capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["why", "--since", stamp(0), "--at", stamp(200), "--set", state, "--json"]
    assert ends(argv) == OK
    document = json.loads(capsys.readouterr().out)
    assert document["time"] == WALL + 200
    assert document["seconds"] == 200.0
    rules = {
        one["name"]: [finding["rule"] for finding in one["findings"]]
        for one in document["containers"]
    }
    assert rules == {"web": ["cpu_throttled"], "quiet": []}


def test_why_says_what_there_is_where_there_is_nothing(
    state: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ends(["why", "--at", stamp(-7200), "--set", state]) == NOT_FOUND
    assert "the history has nothing from" in capsys.readouterr().err
    assert ends(["why", "db", "--at", stamp(100), "--set", state]) == NOT_FOUND
    assert "no container was 'db'" in capsys.readouterr().err
    assert ends(["why", "pid:1", "--at", stamp(100), "--set", state]) == USAGE
    assert ends(["why", "--at", "soon", "--set", state]) == USAGE


def test_without_a_history_it_says_who_keeps_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ends(["why", "--since", "1h", "--set", f"logs.state={tmp_path}/no"]) == ERROR
    assert "`agent run` keeps it" in capsys.readouterr().err


def test_events_of_the_past(state: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert ends(["events", "--since", stamp(0), "--set", state, "-o", "json"]) == OK
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["time"] == WALL + 590
    argv = ["events", "--since", stamp(0), "--until", stamp(580), "--set", state]
    assert ends(argv) == OK
    assert capsys.readouterr().out == ""


def test_a_file_is_saved_from_the_history_and_explained(
    state: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(tmp_path / "slow.snap")
    argv = ["snapshot", "save", path, "--since", stamp(0), "--until", stamp(300), "--set", state]
    assert ends(argv) == OK
    assert ends(argv) == ERROR
    assert "is there already" in capsys.readouterr().err
    assert ends([*argv, "-f"]) == OK
    assert ends(["why", "--from", path, "--json"]) == OK
    assert json.loads(capsys.readouterr().out)["seconds"] == 300.0
    assert ends(["why", "--from", __file__]) == ERROR
    assert "no history of the agent" in capsys.readouterr().err


def test_events_of_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(tmp_path / "slow.snap")
    save(path, [throttled(0), throttled(20)], [EVENT])
    assert ends(["events", "--from", path]) == OK
    assert "started demo:1" in capsys.readouterr().out


def test_a_file_is_opened_in_top(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(tmp_path / "slow.snap")
    save(path, [throttled(0), throttled(20), throttled(40)], [])
    assert ends(["snapshot", "open", path, "-o", "json"]) == OK
    document = json.loads(capsys.readouterr().out)
    assert document["time"] == WALL + 40
    assert ends(["snapshot", "open", path, "--at", stamp(25)]) == OK
    assert "web" in capsys.readouterr().out
    assert ends(["snapshot", "open", f"{path}.no"]) == ERROR
    assert "there is no such file" in capsys.readouterr().err
