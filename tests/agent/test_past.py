from __future__ import annotations

from dataclasses import replace

import pytest

from agent.machine import Machine
from agent.model import HostSample, Snapshot
from agent.past import same_run


def _snapshot(taken_at: float, boot_time: float, boot_id: str = "") -> Snapshot:
    host = HostSample(1, boot_time, None, None, None, None, None, None)
    if boot_id:
        host = replace(host, machine=Machine(boot_id=boot_id))
    return Snapshot(taken_at, boot_time + taken_at, 0.0, host, (), (), {})


def test_two_boots_are_told_apart_by_their_id() -> None:
    assert same_run(_snapshot(10, 1e9, "a"), _snapshot(20, 1e9, "a"))
    assert not same_run(_snapshot(10, 1e9, "a"), _snapshot(20, 1e9, "b"))


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        pytest.param((10, 1e9), (20, 1e9 + 1), True, id="the clock was adjusted"),
        pytest.param((10, 1e9), (20, 1e9 + 3600), False, id="booted later"),
        pytest.param((20, 1e9), (10, 1e9), False, id="the monotonic clock began anew"),
    ],
)
def test_without_an_id_the_time_of_the_boot_tells(
    before: tuple[float, float], after: tuple[float, float], same: bool
) -> None:
    assert same_run(_snapshot(*before), _snapshot(*after)) is same
