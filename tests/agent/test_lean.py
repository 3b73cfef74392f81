"""Modules that a process does not load."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.lean import defer, emptied, replaced


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """One that counts how often it is loaded, in `times`."""
    name = "a_module_of_the_test"
    (tmp_path / f"{name}.py").write_text(
        "import time\ntime.sleep(0.05)\ntimes = globals().get('times', 0) + 1\ndef f(): return 7\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield name
    sys.modules.pop(name, None)


def test_a_deferred_module_loads_when_it_is_used_and_is_then_the_module(module: str) -> None:
    defer(module)
    stand_in = __import__(module)
    assert "times" not in vars(stand_in)
    assert stand_in.f() == 7
    assert vars(sys.modules[module])["times"] == 1
    assert __import__(module) is not stand_in
    assert stand_in.times == 1


def test_what_a_deferred_module_has_not_is_an_error_as_ever(module: str) -> None:
    defer(module)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        __import__(module).nothing  # noqa: B018


def test_threads_that_use_it_at_once_load_it_once(module: str) -> None:
    defer(module)
    stand_in = __import__(module)
    answers: list[int] = []
    threads = [threading.Thread(target=lambda: answers.append(stand_in.f())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [7] * 8
    assert stand_in.times == 1


def test_a_module_in_a_package_can_be_deferred() -> None:
    script = (
        "from agent.lean import defer; defer('email.utils'); import sys, email.utils\n"
        "assert 'calendar' not in sys.modules\n"
        "assert email.utils.formatdate(0, usegmt=True) == 'Thu, 01 Jan 1970 00:00:00 GMT'\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_an_emptied_module_is_there_only_meanwhile(module: str) -> None:
    with emptied(module, "threading"):
        empty = __import__(module)

        class Derived(empty.Anything, empty.Other):  # type: ignore[name-defined,misc]
            pass

        assert Derived.__mro__ == (Derived, object)
        assert __import__("threading") is threading
    assert module not in sys.modules
    assert __import__(module).times == 1


def test_a_replaced_module_holds_what_it_is_given(module: str) -> None:
    with replaced(module, answer=42), replaced("threading", Thread=None):
        assert vars(__import__(module))["answer"] == 42
        assert __import__("threading") is threading
    assert module not in sys.modules
    assert __import__(module).times == 1
