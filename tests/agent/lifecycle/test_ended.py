from __future__ import annotations

from dataclasses import replace

from agent.cgroupfs.reading import Cgroup
from agent.container.container import Container, Kind
from agent.lifecycle.ended import ended_of
from agent.lifecycle.events import Event, Exit, Reason, What
from agent.lifecycle.totals import Identity

APP = Identity("shop", "web", "app", "")


def app(attempt: int) -> Container:
    id_ = f"{attempt}" * 64
    return Container(
        runtime="containerd",
        id=id_,
        name=id_,
        container="app",
        pod="web",
        namespace="shop",
        attempt=attempt,
    )


def event(what: What, attempt: int, at: float, code: int = 3) -> Event:
    end = Exit(code=code, signal=None, reason=Reason.ERROR, ran=2.0, counters=None, final=True)
    return Event(
        at=at,
        what=what,
        cgroup=Cgroup(attempt + 1, f"/pods/{attempt}", at),
        container=app(attempt),
        exit=end if what is What.EXITED else None,
    )


LOOP = [
    event(What.STARTED, 0, 100.0),
    event(What.EXITED, 0, 102.0),
    event(What.STARTED, 1, 112.0),
    event(What.EXITED, 1, 114.0, code=4),
    event(What.STARTED, 2, 134.0),
    event(What.EXITED, 2, 136.0, code=5),
]


def test_a_container_between_two_restarts_is_down_with_all_that_was_seen_of_it() -> None:
    (ended,) = ended_of(reversed(LOOP), "history").values()
    assert ended.total.identity == APP
    assert (ended.at, ended.total.attempt, ended.total.restarts) == (136.0, 2, 2)
    assert ended.total.last is not None
    assert ended.total.last.code == 5
    assert ended.total.exits == {Reason.ERROR: 3}
    assert ended.pauses == (10.0, 20.0)
    assert ended.container == app(2)
    assert ended.ids == {"0" * 64, "1" * 64, "2" * 64}
    assert ended.source == "history"
    assert ended.restarting is None


def test_one_that_was_started_again_is_not_down() -> None:
    assert ended_of([*LOOP, event(What.STARTED, 3, 176.0)], "history") == {}


def test_one_that_an_agent_found_running_is_not_down() -> None:
    assert ended_of([*LOOP, event(What.FOUND, 3, 176.0)], "history") == {}


def test_health_and_oom_kills_after_the_end_change_nothing() -> None:
    late = replace(event(What.OOM_KILLED, 2, 136.5), oom_kills=1)
    assert set(ended_of([*LOOP, late], "history")) == {APP}


def test_a_sandbox_is_nobodys_container() -> None:
    pause = replace(LOOP[1], container=replace(app(0), kind=Kind.SANDBOX, container=""))
    assert ended_of([pause], "history") == {}


def test_only_the_latest_pauses_are_kept() -> None:
    events = []
    for attempt in range(7):
        events.append(event(What.STARTED, attempt, attempt * 10.0))
        events.append(event(What.EXITED, attempt, attempt * 10.0 + 10.0 - attempt))
    (ended,) = ended_of(events, "history").values()
    assert ended.pauses == (2.0, 3.0, 4.0, 5.0)
