"""What is removed, of whose containers; against a runtime that only remembers."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.demo import removal
from agent.demo.client import DemoError
from agent.demo.state import Deployment, Places, State, read, write


class _Runtime:
    """A runtime whose containers are names."""

    def __init__(self, owner: str, names: set[str]) -> None:
        self._owner = owner
        self.names = names
        self.image = True
        self.reason = ""

    def unusable(self) -> str:
        return self.reason

    def owner(self, name: str) -> str | None:
        return self._owner if name in self.names else None

    def owned_by(self, owner: str) -> list[str]:
        return sorted(self.names) if owner == self._owner else []

    def remove(self, name: str) -> bool:
        there = name in self.names
        self.names.discard(name)
        return there

    def unload(self) -> None:
        self.image = False


@pytest.fixture
def places(tmp_path: Path) -> Places:
    places = Places(tmp_path / "run", tmp_path / "data")
    places.run.mkdir()
    return places


def _runtime(
    places: Places, names: set[str], monkeypatch: pytest.MonkeyPatch, *, known: bool = True
) -> _Runtime:
    runtime = _Runtime(places.owner, set(names))
    if known:
        write(places, State([Deployment("docker", (), sorted(names))]))
    monkeypatch.setattr(removal, "RUNTIMES", ("docker",))
    monkeypatch.setattr(removal, "make_runtime", lambda *_: runtime)
    return runtime


def test_a_prefix_removes_its_own_and_leaves_the_others(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    # "demo-two-idle" begins with "demo-" and is not of that prefix.
    names = {"demo-idle", "demo-throttled", "demo-two-idle"}
    runtime = _runtime(places, names, monkeypatch)
    assert removal.stop(places, prefix="demo-") == 2
    assert (runtime.names, runtime.image) == ({"demo-two-idle"}, True)
    (left,) = read(places).deployments
    assert left.containers == ["demo-two-idle"]
    assert removal.stop(places, prefix="demo-") == 0
    assert removal.stop(places, prefix="demo-two-") == 1
    assert (runtime.names, runtime.image) == (set(), False)
    assert not places.run.exists()


def test_without_a_prefix_everything_goes(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = _runtime(places, {"a-idle", "b-idle"}, monkeypatch)
    assert removal.stop(places) == 2
    assert (runtime.names, runtime.image) == (set(), False)


def test_a_prefix_holds_where_the_state_file_is_lost(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    places.run.rmdir()
    runtime = _runtime(places, {"a-idle", "b-idle"}, monkeypatch, known=False)
    assert removal.stop(places, prefix="a-") == 1
    assert (runtime.names, runtime.image) == ({"b-idle"}, True)


def test_a_runtime_that_does_not_answer_keeps_the_state(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = _runtime(places, {"a-idle"}, monkeypatch)
    runtime.reason = "it sleeps"
    with pytest.raises(DemoError, match="cannot remove a-idle: it sleeps"):
        removal.stop(places)
    assert [one.containers for one in read(places).deployments] == [["a-idle"]]
