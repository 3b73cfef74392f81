"""agent.garbage: what is known of a host is not looked at again by the collector."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from agent.garbage import Garbage


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    yield
    gc.unfreeze()


def test_it_settles_again_only_when_much_has_changed() -> None:
    garbage = Garbage()
    assert [garbage.settle(count) for count in (0, 100, 100, 120, 125, 126, 94, 90)] == [
        *(False, True, False, False, False, True, True, False)
    ]
    assert gc.get_freeze_count() > 0


def test_it_waits_until_the_collector_is_on() -> None:
    garbage = Garbage()
    gc.disable()
    try:
        assert not garbage.settle(100)
    finally:
        gc.enable()
    assert garbage.settle(100)
