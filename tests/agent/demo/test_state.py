"""What the demo remembers of what it made."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from agent.demo.client import DemoError, ProcessRef
from agent.demo.state import Deployment, Places, State, default_places, locked, read, write


@pytest.fixture
def places(tmp_path: Path) -> Places:
    (tmp_path / "run").mkdir()
    return Places(tmp_path / "run", tmp_path / "data")


def test_a_state_is_read_back_as_it_was_written(places: Places) -> None:
    state = State(
        deployments=[
            Deployment("docker", ("--host", "unix:///x"), ["demo-a"], {"demo-a": ProcessRef(7, 8)}),
            Deployment("runc", ()),
        ],
        daemons=[ProcessRef(1, 2)],
        cgroups=["default"],
    )
    write(places, state)
    assert read(places) == state


def test_without_a_file_nothing_was_made(places: Places) -> None:
    assert read(places) == State()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"deployments": [{}]}', '{"deployments": 3}'])
def test_a_damaged_file_is_named(places: Places, text: str) -> None:
    (places.run / "state.json").write_text(text)
    with pytest.raises(DemoError, match=r"run/state.json is damaged"):
        read(places)


def test_one_runtime_at_two_places_is_two_deployments() -> None:
    state = State()
    first = state.deployment("docker", ())
    assert state.deployment("docker", ("--host", "x")) is not first
    assert state.deployment("docker", ()) is first


def test_an_ordinary_user_needs_a_runtime_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    with pytest.raises(DemoError, match="XDG_RUNTIME_DIR is not set"):
        default_places()
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/1000")
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert default_places() == Places(
        Path("/run/user/1000/container-agent/demo"), Path("/data/container-agent/demo")
    )


def test_the_lock_makes_its_directory(tmp_path: Path) -> None:
    places = Places(tmp_path / "a/b", tmp_path / "data")
    with locked(places):
        assert places.run.is_dir()
        write(places, State())
    assert places.run.is_dir()


def test_a_lock_under_which_nothing_was_written_leaves_no_directory(tmp_path: Path) -> None:
    with locked(Places(tmp_path / "a/b", tmp_path / "data")):
        pass
    assert not (tmp_path / "a").exists()


def test_a_file_in_the_place_of_the_directory_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("")
    with (
        pytest.raises(DemoError, match=r"cannot make .*run: File exists"),
        locked(Places(tmp_path / "run", tmp_path / "data")),
    ):
        pass


def test_only_one_holds_the_lock_even_when_its_directory_goes(tmp_path: Path) -> None:
    places = Places(tmp_path / "a/b", tmp_path / "data")
    held: list[str] = []

    def hold(name: str) -> None:
        for _ in range(50):
            with locked(places):
                held.append(name)
                time.sleep(0)
                held.append(name)

    threads = [threading.Thread(target=hold, args=(name,)) for name in "xy"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(held) == 200
    assert held[::2] == held[1::2]
