"""What a closer look adds, and to which finding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from agent.bpf.sched_counts import NO_SCHED
from agent.container.log_source import LogSource
from agent.diagnosis.diagnose import Diagnosis, diagnose
from agent.diagnosis.scene import scene_of
from agent.drilldown.evidence import Sources, drill_down, taken_by, victims
from agent.model import Snapshot
from agent.procfs.kmsg import OomKill
from agent.trace.sched import Scheduling
from tests.agent.diagnosis.scenes import look
from tests.agent.snapshots import docker, lifetimes, reading

KILL = OomKill("dd", 12, "/docker/db", "/docker/db")


def sources(*, logs: Sequence[LogSource] = (), oom_kills: Sequence[OomKill] | str = ()) -> Sources:
    return Sources(
        pids=lambda _cgroup: (),
        logs=lambda: logs,
        oom_kills=oom_kills,
        unified=None,
        loader="auto",
    )


def said(diagnosis: Diagnosis, name: str) -> list[str]:
    return [
        evidence.says
        for verdict in diagnosis.verdicts
        if verdict.name == name
        for finding in verdict.findings
        for evidence in finding.evidence
    ]


def killed() -> list[Snapshot]:
    return look(
        {
            "db": [reading(oom_kill=tick) for tick in range(3)],
            "web": [reading(oom_kill=tick) for tick in range(3)],
        }
    )


def test_a_victim_is_told_at_its_own_container() -> None:
    snapshots = killed()
    diagnosis = drill_down(diagnose(scene_of(snapshots)), snapshots[-1], sources(oom_kills=[KILL]))
    assert "killed: dd (pid 12), for the limit of /docker/db" in said(diagnosis, "db")
    assert not [text for text in said(diagnosis, "web") if "killed: " in text]


def test_a_kernels_log_that_cannot_be_read_is_said() -> None:
    snapshots = killed()
    looked = sources(oom_kills="Operation not permitted")
    diagnosis = drill_down(diagnose(scene_of(snapshots)), snapshots[-1], looked)
    assert "who was killed is not known: Operation not permitted" in said(diagnosis, "db")


def test_many_victims_are_counted_and_the_last_are_named() -> None:
    kills = [replace_pid(pid) for pid in range(1, 6)]
    text = "killed: dd (pid 3), dd (pid 4), dd (pid 5) and 2 before, as the host had no memory"
    assert victims([*kills[:-1], kills[-1]._replace(limited=None)]) == text


def replace_pid(pid: int) -> OomKill:
    return KILL._replace(pid=pid)


def looping() -> list[Snapshot]:
    snapshots = look({"a": [reading(), reading()]})
    return [
        replace(snapshots[0], lifetimes=lifetimes(restarts=1, code=3)),
        replace(snapshots[1], lifetimes=lifetimes(restarts=4, code=3)),
    ]


def a_log(tmp_path: Path, *lines: bytes) -> LogSource:
    path = tmp_path / "a.log"
    path.write_bytes(b"".join(b"%s\n" % line for line in lines))
    return LogSource(str(path), "plain", docker("a"))


def test_a_crash_loop_has_its_last_lines(tmp_path: Path) -> None:
    snapshots = looping()
    log = a_log(tmp_path, b"1", b"2", b"", b"3 \x1b[2Jno \xff database", b"x" * 500)
    diagnosis = drill_down(diagnose(scene_of(snapshots)), snapshots[-1], sources(logs=[log]))
    printed = [text for text in said(diagnosis, "a") if text.startswith("it printed: ")]
    assert printed == [
        "it printed: 2",
        "it printed: 3  [2Jno \\xff database",
        "it printed: " + "x" * 199 + "…",
    ]


def test_so_has_one_that_is_down_just_now(tmp_path: Path) -> None:
    snapshots = [replace(snapshot, samples=()) for snapshot in looping()]
    log = a_log(tmp_path, b"no database")
    diagnosis = drill_down(diagnose(scene_of(snapshots)), snapshots[-1], sources(logs=[log]))
    assert "it printed: no database" in said(diagnosis, "a")


def test_a_log_that_is_gone_adds_nothing(tmp_path: Path) -> None:
    snapshots = looping()
    log = LogSource(str(tmp_path / "gone.log"), "plain", docker("a"))
    before = diagnose(scene_of(snapshots))
    assert drill_down(before, snapshots[-1], sources(logs=[log])) == before


def test_who_took_the_cpu_is_told_the_most_first() -> None:
    scheduling = Scheduling(NO_SCHED, {"web": 3, "/": 700, "batch": 1, "idle": 1})
    assert taken_by(scheduling) == (
        "the CPU was taken from it by the host's own processes (700 times), web (3 times),"
        " batch (1 time)"
    )
    assert taken_by(Scheduling()) == ""
