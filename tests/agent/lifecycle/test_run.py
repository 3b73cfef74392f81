from __future__ import annotations

import signal
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from agent.cgroupfs.reading import Cgroup
from agent.container.container import Container
from agent.lifecycle.events import Counters, Event, Health, Reason, Source, What
from agent.lifecycle.run import (
    Begun,
    Counted,
    Ended,
    Named,
    Observation,
    Preparing,
    Recorded,
    Removed,
    Run,
    Status,
    TimeUp,
)

CGROUP = Cgroup(7, "/docker/7f54", 90.0)
WEB = Container(runtime="docker", id="7f54", name="web", image="demo:1")
ONLY_ID = Container(runtime="docker", id="7f54", complete=False)
NO_IMAGE = Container(runtime="podman", id="7f54", name="web", complete=False)
USED = Counters(cpu_usec=250_000, memory_peak=8 << 20, read_bytes=0, write_bytes=0, oom_kills=0)
KILLED = Counters(cpu_usec=250_000, memory_peak=8 << 20, read_bytes=0, write_bytes=0, oom_kills=1)
EXIT_3 = 3 << 8


def events(
    *seen: Observation, adopted: bool = False, base: Counters | None = None
) -> Sequence[Event]:
    run = Run(CGROUP, at=100.0, adopted=adopted, base=base)
    return [event for observation in seen for event in run.observe(observation)]


def whats(said: Sequence[Event]) -> list[What]:
    return [event.what for event in said]


def ending(said: Sequence[Event]) -> Event:
    assert said
    assert said[-1].what is What.EXITED
    return said[-1]


def test_a_run_is_told_from_its_start_to_its_end() -> None:
    started, exited = events(
        Named(WEB), Begun(101.0), Counted(103.1, USED), Ended(103.0), Status(EXIT_3)
    )
    assert (started.what, started.at, started.container) == (What.STARTED, 101.0, WEB)
    assert (exited.what, exited.at) == (What.EXITED, 103.0)
    assert exited.exit is not None
    assert (exited.exit.code, exited.exit.signal) == (3, None)
    assert exited.exit.reason is Reason.ERROR
    assert exited.exit.ran == 2.0
    assert exited.exit.counters == USED
    assert exited.exit.final


def test_exit_code_0_is_completed() -> None:
    said = events(Named(WEB), Begun(101.0), Counted(103.0, USED), Ended(103.0), Status(0))
    end = ending(said).exit
    assert end is not None
    assert (end.code, end.reason) == (0, Reason.COMPLETED)


def test_a_signal_is_128_and_its_number() -> None:
    status = int(signal.SIGTERM)
    said = events(Named(WEB), Begun(101.0), Counted(103.0, USED), Ended(103.0), Status(status))
    end = ending(said).exit
    assert end is not None
    assert (end.code, end.signal, end.reason) == (143, 15, Reason.ERROR)


def test_killed_with_a_rise_of_oom_kill_is_oom_killed() -> None:
    said = events(Named(WEB), Begun(101.0), Counted(103.0, KILLED), Ended(103.0), Status(9))
    assert whats(said) == [What.STARTED, What.OOM_KILLED, What.EXITED]
    assert said[1].oom_kills == 1
    end = ending(said).exit
    assert end is not None
    assert (end.code, end.signal, end.reason) == (137, 9, Reason.OOM_KILLED)


def test_killed_without_it_is_an_error() -> None:
    said = events(Named(WEB), Begun(101.0), Counted(103.0, USED), Ended(103.0), Status(9))
    end = ending(said).exit
    assert end is not None
    assert end.reason is Reason.ERROR


def test_a_child_taken_by_the_oom_killer_is_told_while_the_container_lives() -> None:
    said = events(Named(WEB), Begun(101.0), Counted(102.0, KILLED))
    assert whats(said) == [What.STARTED, What.OOM_KILLED]
    assert said[1].at == 102.0


def test_and_does_not_make_a_later_good_end_an_oom_kill() -> None:
    said = events(
        Named(WEB),
        Begun(101.0),
        Counted(102.0, KILLED),
        Counted(103.0, KILLED),
        Ended(103.0),
        Status(0),
    )
    assert whats(said) == [What.STARTED, What.OOM_KILLED, What.EXITED]
    end = ending(said).exit
    assert end is not None
    assert end.reason is Reason.COMPLETED


def test_what_the_runtime_used_to_set_it_up_is_not_the_containers() -> None:
    said = events(
        Named(WEB),
        Preparing(Counters(cpu_usec=20_000, read_bytes=4096, write_bytes=0, oom_kills=0)),
        Begun(101.0),
        Counted(103.0, USED),
        Ended(103.0),
        Status(0),
    )
    end = ending(said).exit
    assert end is not None
    assert end.counters is not None
    assert end.counters.cpu_usec == 230_000
    assert end.counters.memory_peak == 8 << 20


def test_a_second_run_in_one_cgroup_counts_from_where_the_first_ended() -> None:
    said = events(
        Named(WEB), Begun(101.0), Counted(103.0, KILLED), Ended(103.0), Status(9), base=KILLED
    )
    end = ending(said).exit
    assert end is not None
    assert end.counters is not None
    assert (end.counters.cpu_usec, end.counters.oom_kills) == (0, 0)
    assert end.reason is Reason.ERROR


def test_one_that_ran_before_is_found_and_its_old_kills_are_no_news() -> None:
    said = events(
        Named(WEB),
        Begun(50.0),
        Counted(100.0, KILLED),
        Counted(103.0, KILLED),
        Ended(103.0),
        Status(0),
        adopted=True,
    )
    assert whats(said) == [What.FOUND, What.EXITED]
    end = ending(said).exit
    assert end is not None
    assert end.ran == 53.0


def test_a_start_waits_for_the_image_until_time_is_up() -> None:
    assert events(Named(NO_IMAGE), Begun(101.0)) == []
    assert whats(events(Named(NO_IMAGE), Begun(101.0), TimeUp())) == [What.STARTED]


def test_a_start_without_any_name_is_not_told_before_the_end() -> None:
    said = events(Named(ONLY_ID), Begun(101.0), TimeUp())
    assert said == []


def test_an_end_waits_for_the_name_and_says_it() -> None:
    run = Run(CGROUP, at=100.0)
    for seen in (Named(ONLY_ID), Begun(101.0), Counted(101.2, USED), Ended(101.1), Status(0)):
        assert run.observe(seen) == ()
    said = run.observe(Named(WEB))
    assert whats(said) == [What.STARTED, What.EXITED]
    assert {event.container.name for event in said} == {"web"}


def test_an_end_whose_status_nobody_tells_comes_with_the_runtimes_record() -> None:
    run = Run(CGROUP, at=100.0)
    for seen in (Named(WEB), Begun(101.0), Removed(101.1)):
        run.observe(seen)
    assert not run.over
    (exited,) = run.observe(Recorded(at=101.4, exit_code=137, oom_killed=True))
    assert exited.exit is not None
    assert (exited.exit.code, exited.exit.signal) == (137, None)
    assert exited.exit.reason is Reason.OOM_KILLED
    # That much is sure.
    assert exited.exit.counters == Counters(oom_kills=1)
    assert not exited.exit.final


def test_an_end_nobody_counted_has_no_counters() -> None:
    said = events(Named(WEB), Begun(101.0), Removed(101.1), Status(0))
    end = ending(said).exit
    assert end is not None
    assert end.counters is None


def test_and_without_one_it_is_unknown_when_time_is_up() -> None:
    said = events(Named(WEB), Begun(101.0), Removed(101.1), TimeUp())
    end = ending(said).exit
    assert end is not None
    assert (end.code, end.reason) == (None, Reason.UNKNOWN)


def test_counters_from_before_the_end_are_not_final() -> None:
    said = events(Named(WEB), Begun(101.0), Counted(102.0, USED), Removed(103.0), Status(0))
    end = ending(said).exit
    assert end is not None
    assert end.counters == USED
    assert not end.final


def test_a_program_that_could_not_be_started_has_the_code_the_runtime_gives_it() -> None:
    run = Run(CGROUP, at=100.0)
    for seen in (Named(WEB), Counted(101.0, USED), Ended(101.0), Status(1 << 8)):
        assert run.observe(seen) == ()
    said = run.observe(Recorded(at=101.2, exit_code=127, failed=True, oom_killed=False))
    end = ending(said).exit
    assert end is not None
    assert (end.code, end.ran) == (127, None)


def test_health_is_told_when_it_changes() -> None:
    said = events(
        Recorded(at=100.5, health=Health.STARTING),
        Named(WEB),
        Begun(101.0),
        Recorded(at=102.0, health=Health.STARTING),
        Recorded(at=103.0, health=Health.UNHEALTHY),
    )
    assert whats(said) == [What.STARTED, What.HEALTH]
    assert said[0].health is Health.STARTING
    assert (said[1].at, said[1].health) == (103.0, Health.UNHEALTHY)


def test_a_cgroup_that_is_no_container_says_nothing() -> None:
    run = Run(CGROUP, at=100.0)
    for seen in (Begun(101.0), Counted(102.0, USED), Ended(102.0), Status(0), Removed(103.0)):
        assert run.observe(seen) == ()
    assert run.observe(TimeUp()) == ()
    assert run.over


NUMBERS = st.none() | st.integers(0, 5)
OBSERVATIONS = st.one_of(
    st.sampled_from([Named(WEB), Named(ONLY_ID), Named(NO_IMAGE), TimeUp()]),
    st.builds(Begun, st.floats(100, 110)),
    st.builds(Ended, st.floats(100, 110)),
    st.builds(Removed, st.floats(100, 110)),
    st.builds(Status, st.sampled_from([0, 9, 15, 1 << 8, EXIT_3, 137 << 8])),
    st.builds(Preparing, st.builds(Counters, cpu_usec=NUMBERS)),
    st.builds(
        Counted,
        st.floats(100, 110),
        st.builds(Counters, cpu_usec=NUMBERS, memory_peak=NUMBERS, oom_kills=NUMBERS),
    ),
    st.builds(
        Recorded,
        at=st.floats(100, 110),
        exit_code=NUMBERS,
        failed=st.booleans(),
        oom_killed=st.none() | st.booleans(),
        health=st.none() | st.sampled_from(Health),
    ),
)


@given(st.lists(OBSERVATIONS, max_size=14), st.booleans())
def test_in_whatever_order_things_are_seen_the_story_makes_sense(
    seen: list[Observation], adopted: bool
) -> None:
    said = events(*seen, adopted=adopted)
    told = whats(said)
    first = What.FOUND if adopted else What.STARTED
    if told:
        assert told[0] is first
    assert told.count(first) <= 1
    assert told.count(What.EXITED) <= 1
    if What.EXITED in told:
        assert told[-1] is What.EXITED
    kills = [event.oom_kills or 0 for event in said if event.what is What.OOM_KILLED]
    assert all(kills)
    most = max((o.counters.oom_kills or 0 for o in seen if isinstance(o, Counted)), default=0)
    assert sum(kills) <= most
    for event in said:
        if event.exit is not None and event.exit.counters is not None:
            assert (event.exit.counters.cpu_usec or 0) >= 0


ENOUGH = [Named(WEB), Begun(101.0), Counted(103.0, USED), Ended(103.0), Status(EXIT_3)]


@given(st.permutations([*ENOUGH, Removed(103.5)]))
def test_whatever_is_seen_first_the_end_is_the_same(seen: list[Observation]) -> None:
    said = events(*seen, TimeUp())
    assert whats(said) == [What.STARTED, What.EXITED]
    end = ending(said).exit
    assert end is not None
    assert (end.code, end.reason) == (3, Reason.ERROR)


def test_who_told_the_exit_code_is_said() -> None:
    seen = (Named(WEB), Begun(101.0), Counted(103.1, USED), Ended(103.0))
    told: tuple[tuple[tuple[Observation, ...], Source | None], ...] = (
        ((Status(EXIT_3),), Source.PROCESS),
        ((Status(EXIT_3, Source.PROBE),), Source.PROBE),
        ((Recorded(103.5, exit_code=3),), Source.RUNTIME),
        ((Recorded(103.5, exit_code=127, failed=True), Status(EXIT_3)), Source.RUNTIME),
        ((TimeUp(),), None),
    )
    for more, source in told:
        end = ending(events(*seen, *more)).exit
        assert end is not None
        assert (end.source, end.code is None) == (source, source is None)
