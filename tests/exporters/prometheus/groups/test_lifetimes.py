from __future__ import annotations

from dataclasses import replace

from agent.lifecycle.events import Exit, Health, Reason
from agent.lifecycle.totals import Identity, Lifetimes, Total
from agent.model import Snapshot
from exporters.prometheus.groups import lifetimes, oom_event
from exporters.prometheus.metric import Labels, Metric, Number, SnapshotMetric
from tests.agent.snapshots import docker, reading, sample, snapshot

JOB = Total(
    Identity("", "", "", "job"),
    restarts=2,
    exits={Reason.ERROR: 1, Reason.OOM_KILLED: 2},
    last=Exit(code=137, signal=9, reason=Reason.OOM_KILLED, ran=1.0, counters=None, final=False),
    ran=3.5,
    cpu_usec=1_250_000,
    memory_peak=4096,
    oom_kills=2,
    unread=1,
)
NEVER_ENDED = Total(Identity("shop", "api", "app", ""), restarts=4)
OF_JOB: Labels = (("container", ""), ("name", "job"), ("namespace", ""), ("pod", ""))
OF_APP: Labels = (("container", "app"), ("name", ""), ("namespace", "shop"), ("pod", "api"))


def host(*totals: Total, health: Health | None = None, oom: int = 0) -> Snapshot:
    shot = snapshot(sample(reading(oom_kill=oom), inode=7, container=docker("job")))
    return replace(shot, lifetimes=Lifetimes(totals, health={} if health is None else {7: health}))


def series(name: str, shot: Snapshot) -> dict[Labels, Number]:
    (metric,) = [m for m in (*lifetimes.METRICS, *oom_event.METRICS) if m.name == name]
    if isinstance(metric, SnapshotMetric):
        found = metric.read(shot)
    else:
        assert isinstance(metric, Metric)
        found = metric.read(shot.samples[0], shot)
    return {labels: number for labels, number in found if number is not None}


def test_restarts_are_told_of_everyone_ends_of_who_ended() -> None:
    shot = host(JOB, NEVER_ENDED)
    assert series("container_restarts_total", shot) == {OF_JOB: 2, OF_APP: 4}
    assert series("container_last_exit_code", shot) == {OF_JOB: 137}
    assert series("container_exited_run_seconds_total", shot) == {OF_JOB: 3.5}


def test_ends_are_told_by_reason() -> None:
    shot = host(JOB)
    assert series("container_exits_total", shot) == {
        (*OF_JOB, ("reason", "Completed")): 0,
        (*OF_JOB, ("reason", "Error")): 1,
        (*OF_JOB, ("reason", "OOMKilled")): 2,
    }
    assert series("container_last_exit_reason", shot) == {(*OF_JOB, ("reason", "OOMKilled")): 1}


def test_the_first_end_is_seen_by_increase() -> None:
    assert set(series("container_exits_total", host(NEVER_ENDED)).values()) == {0}
    lost = replace(NEVER_ENDED, exits={Reason.UNKNOWN: 1})
    found = series("container_exits_total", host(lost))
    assert found[(*OF_APP, ("reason", "Unknown"))] == 1
    assert len(found) == 4


def test_sums_are_in_base_units_and_absent_where_nothing_was_read() -> None:
    shot = host(JOB)
    assert series("container_exited_cpu_seconds_total", shot) == {OF_JOB: 1.25}
    assert series("container_exited_memory_peak_bytes", shot) == {OF_JOB: 4096}
    assert series("container_exited_oom_kills_total", shot) == {OF_JOB: 2}
    assert series("container_exited_io_read_bytes_total", shot) == {}
    assert series("container_exited_unread_total", shot) == {OF_JOB: 1}


def test_oom_kills_of_earlier_runs_are_added_to_the_cgroups_own() -> None:
    shot = replace(host(JOB, oom=1), lifetimes=Lifetimes((JOB,), oom_kills={JOB.identity: 2}))
    assert series("container_oom_events_total", shot) == {(): 3}
    assert series("container_oom_events_total", replace(shot, lifetimes=None)) == {(): 1}


def test_health_is_cadvisors_number_and_absent_where_nobody_tells() -> None:
    for health, number in ((Health.HEALTHY, 1), (Health.UNHEALTHY, 0), (Health.NONE, -1)):
        assert series("container_health_state", host(health=health)) == {(): number}
    assert series("container_health_state", host()) == {}


def test_without_a_watcher_there_is_nothing_to_tell() -> None:
    shot = replace(host(JOB), lifetimes=None)
    for metric in lifetimes.METRICS:
        assert series(metric.name, shot) == {}


def test_a_name_without_end_is_cut_as_everywhere_on_the_page() -> None:
    endless = replace(JOB, identity=Identity("", "", "", "x" * 2000))
    ((labels, _),) = series("container_restarts_total", host(endless)).items()
    assert len(dict(labels)["name"]) == 1024
