from __future__ import annotations

from agent.cgroupfs.reading import Cgroup
from agent.container.container import Container, Kind
from agent.lifecycle.events import Counters, Event, Exit, Health, Reason, What
from agent.lifecycle.totals import Identity, Lifetimes, Total, Totals, identity_of

USED = Counters(cpu_usec=200_000, memory_peak=100, read_bytes=10, write_bytes=20, oom_kills=1)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def docker(name: str, attempt: int | None = 0) -> Container:
    return Container(runtime="docker", id="7f" * 32, name=name, attempt=attempt)


def pod(id_: str, attempt: int | None, kind: Kind = Kind.CONTAINER) -> Container:
    return Container(
        runtime="containerd",
        id=id_,
        name=id_,
        kind=kind,
        container="app" if kind is Kind.CONTAINER else "",
        pod="web",
        namespace="shop",
        attempt=attempt,
    )


def started(
    container: Container, inode: int, what: What = What.STARTED, health: Health | None = None
) -> Event:
    return Event(
        at=1.0, what=what, cgroup=Cgroup(inode, "/x", 0.0), container=container, health=health
    )


def exited(
    container: Container,
    inode: int,
    code: int = 3,
    counters: Counters | None = USED,
    final: bool = True,
) -> Event:
    reason = Reason.ERROR if code else Reason.COMPLETED
    end = Exit(code=code, signal=None, reason=reason, ran=0.5, counters=counters, final=final)
    return Event(
        at=2.0, what=What.EXITED, cgroup=Cgroup(inode, "/x", 0.0), container=container, exit=end
    )


def totals(most: int = 100, keep: float = 3600.0, clock: Clock | None = None) -> Totals:
    return Totals(most=most, keep=keep, clock=clock or Clock())


def only(lifetimes: Lifetimes) -> Total:
    (total,) = lifetimes.totals
    return total


def test_runs_of_one_name_are_summed() -> None:
    kept = totals()
    for inode, code in ((1, 3), (2, 0)):
        kept.add(started(docker("job"), inode))
        kept.add(exited(docker("job"), inode, code))
    total = only(kept.read())
    assert total.identity == Identity("", "", "", "job")
    assert total.exits == {Reason.ERROR: 1, Reason.COMPLETED: 1}
    assert total.last is not None
    assert total.last.code == 0
    assert (total.cpu_usec, total.read_bytes, total.write_bytes) == (400_000, 20, 40)
    assert (total.memory_peak, total.oom_kills, total.ran) == (100, 2, 1.0)


def test_a_pods_container_is_known_by_its_place_not_by_its_id() -> None:
    assert identity_of(pod("aaa", 0)) == identity_of(pod("bbb", 1)) == ("shop", "web", "app", "")


def test_a_container_nobody_named_is_known_by_its_id() -> None:
    assert identity_of(Container(runtime="docker", id="7f54")).name == "7f54"


def test_restarts_are_counted_and_begin_with_what_the_runtime_says() -> None:
    kept = totals()
    kept.add(started(pod("aaa", 4), 1, What.FOUND))
    assert only(kept.read()).restarts == 4
    kept.add(exited(pod("aaa", 4), 1))
    kept.add(started(pod("bbb", 5), 2))
    assert only(kept.read()).restarts == 5


def test_restarts_that_were_missed_are_counted_by_the_runtimes_number() -> None:
    kept = totals()
    kept.add(started(docker("web", 1), 1, What.FOUND))
    kept.add(started(docker("web", 4), 2))
    assert only(kept.read()).restarts == 4


def test_restarts_never_fall_where_the_runtime_starts_to_count_anew() -> None:
    kept = totals()
    kept.add(started(docker("web", 4), 1, What.FOUND))
    kept.add(exited(docker("web", 4), 1))
    kept.add(started(docker("web", 0), 2))
    assert only(kept.read()).restarts == 5


def test_the_oom_kills_of_earlier_runs_are_known_before_the_next_one_is_seen_to_start() -> None:
    kept = totals()
    kept.add(started(docker("web"), 1))
    assert kept.read().earlier_oom_kills(1, docker("web")) == 0
    kept.add(exited(docker("web"), 1))
    assert kept.read().earlier_oom_kills(2, docker("web", 1)) == 1
    assert kept.read().earlier_oom_kills(3, docker("other")) == 0


def test_a_cgroup_that_outlives_its_run_is_not_counted_twice() -> None:
    kept = totals()
    for inode in (1, 2):
        kept.add(started(docker("web"), inode))
        kept.add(exited(docker("web"), inode))
        # Its own counter still says 1.
        assert kept.read().earlier_oom_kills(inode, docker("web")) == inode - 1


def test_what_was_not_read_is_not_zero() -> None:
    kept = totals()
    kept.add(exited(docker("job"), 1, counters=None, final=False))
    total = only(kept.read())
    assert total.cpu_usec is None
    assert total.memory_peak is None
    assert total.unread == 1


def test_health_is_that_of_the_run() -> None:
    kept = totals()
    kept.add(started(docker("web"), 1, health=Health.STARTING))
    kept.add(
        Event(
            at=2.0,
            what=What.HEALTH,
            cgroup=Cgroup(1, "/x", 0.0),
            container=docker("web"),
            health=Health.HEALTHY,
        )
    )
    assert kept.read().health == {1: Health.HEALTHY}


def test_a_sandbox_is_nobodys_work() -> None:
    kept = totals()
    kept.add(exited(pod("aaa", None, Kind.SANDBOX), 1))
    assert kept.read() == Lifetimes()


def test_nothing_new_is_the_same_object_again() -> None:
    kept = totals()
    kept.add(started(docker("web"), 1))
    assert kept.read() is kept.read()


def test_the_dead_are_forgotten_in_time_and_the_living_are_not() -> None:
    clock = Clock()
    kept = totals(keep=60.0, clock=clock)
    kept.add(exited(docker("job"), 1))
    kept.add(started(docker("web"), 2))
    clock.now += 61
    assert [total.identity.name for total in kept.read().totals] == ["web"]
    assert kept.forgotten == 0


def test_one_that_came_back_is_not_forgotten() -> None:
    clock = Clock()
    kept = totals(keep=60.0, clock=clock)
    kept.add(exited(docker("web"), 1))
    clock.now += 30
    kept.add(started(docker("web"), 2))
    clock.now += 60
    assert only(kept.read()).exits == {Reason.ERROR: 1}


def test_too_many_push_out_the_one_that_is_dead_longest() -> None:
    kept = totals(most=2)
    kept.add(started(docker("web"), 1))
    for inode, name in ((2, "a"), (3, "b"), (4, "c")):
        kept.add(exited(docker(name), inode))
    assert sorted(total.identity.name for total in kept.read().totals) == ["c", "web"]
    assert kept.forgotten == 2
