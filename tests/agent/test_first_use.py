"""A method that is compiled when it is first looked up."""

from __future__ import annotations

import threading
from typing import Any

from agent.first_use import FirstUse


class Counted:
    """Two classes that share what stands for `size`, and how often it was made for which."""

    def __init__(self) -> None:
        self.made: list[str] = []
        shared = FirstUse("size", self._make)
        self.one: Any = type("One", (), {"size": shared})
        self.two: Any = type("Two", (), {"size": shared})

    def _make(self, cls: type) -> Any:
        self.made.append(cls.__name__)
        return lambda instance: (cls.__name__, type(instance).__name__)


def test_it_is_made_once_for_each_class_that_is_asked() -> None:
    counted = Counted()
    assert counted.made == []
    assert counted.one().size() == counted.one().size() == ("One", "One")
    assert counted.one.size(counted.two()) == ("One", "Two")
    assert counted.made == ["One"]
    assert counted.two.size(counted.one()) == ("Two", "One")
    assert counted.made == ["One", "Two"]


def test_a_class_that_inherits_has_its_parents() -> None:
    counted = Counted()
    assert type("Child", (counted.one,), {})().size() == ("One", "Child")
    assert counted.one().size() == ("One", "One")
    assert counted.made == ["One"]


def test_python_itself_finds_it() -> None:
    of: Any = type("Of", (), {"__len__": FirstUse("__len__", lambda _: lambda _: 7)})
    assert len(of()) == len(of()) == 7


def test_threads_that_ask_at_once_all_get_it() -> None:
    counted = Counted()
    gate = threading.Barrier(8)
    said: list[tuple[str, str]] = []

    def ask() -> None:
        gate.wait()
        said.append(counted.one().size())

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said == [("One", "One")] * 8
