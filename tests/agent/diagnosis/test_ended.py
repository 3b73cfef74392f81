"""Containers that are down: what is wrong with them, and what is told of their end."""

from __future__ import annotations

import json
from dataclasses import replace

from agent.container.container import Container, Kind
from agent.diagnosis.diagnose import Diagnosis, diagnose
from agent.diagnosis.document import document
from agent.diagnosis.ended import with_ended
from agent.diagnosis.scene import Scene, pods_of, scene_of
from agent.diagnosis.text import Style, diagnosis_text
from agent.lifecycle.ended import Ended
from agent.lifecycle.events import Counters, Exit, Reason
from agent.lifecycle.totals import Identity, Lifetimes, Total, identity_of
from agent.model import Snapshot
from tests.agent.snapshots import MIB, WALL, docker, pod, sample, snapshot

APP = replace(pod("shop", "web", "app"), attempt=5)
SANDBOX = Container(
    runtime="containerd", id="5a" * 32, kind=Kind.SANDBOX, pod="web", namespace="shop"
)
WITH_POD = snapshot(sample(inode=7, path="/pods/web/5a", container=SANDBOX))
EMPTY = snapshot()


def end(
    code: int = 3,
    *,
    ran: float | None = 2.0,
    reason: Reason = Reason.ERROR,
    counters: Counters | None = None,
) -> Exit:
    return Exit(code=code, signal=None, reason=reason, ran=ran, counters=counters, final=True)


def ended(
    container: Container = APP,
    last: Exit | None = None,
    *,
    ago: float = 14.0,
    pauses: tuple[float, ...] = (),
    restarting: bool | None = None,
) -> Ended:
    attempt = container.attempt
    return Ended(
        container=container,
        ids=frozenset({container.id}),
        total=Total(
            identity_of(container),
            restarts=attempt or 0,
            last=last or end(),
            ended=WALL - ago,
            attempt=attempt,
        ),
        pauses=pauses,
        source="starts and ends of the history",
        restarting=restarting,
    )


def scene(host: Snapshot, *known: Ended) -> Scene:
    return with_ended(
        scene_of([host]), {each.total.identity: each for each in known}, pods_of(host)
    )


def rules(diagnosis: Diagnosis) -> dict[str, list[str]]:
    return {v.name: [f.rule for f in v.findings] for v in diagnosis.verdicts}


def test_a_pod_in_back_off_is_a_crash_loop_with_all_that_is_known_of_it() -> None:
    (verdict,) = diagnose(scene(WITH_POD, ended(pauses=(10.0, 20.0, 40.0)))).verdicts
    assert verdict.name == "shop/web/app"
    (finding,) = verdict.findings
    assert finding.summary == "restarted 5 times, exit 3"
    assert [evidence.says for evidence in finding.evidence] == [
        "5 restarts so far",
        "last end: exit code 3 (Error) after 2s",
        "down for 14s",
        "was down for 10s, 20s, 40s before its latest starts",
    ]


def test_the_back_off_is_over_when_its_pod_is_gone_or_nobody_waits_so_long() -> None:
    assert not diagnose(scene(EMPTY, ended())).verdicts
    assert not diagnose(scene(WITH_POD, ended(ago=400.0))).verdicts
    assert diagnose(scene(WITH_POD, ended(ago=290.0))).verdicts


def test_one_that_ran_for_long_or_was_restarted_seldom_is_no_crash_loop() -> None:
    assert not diagnose(scene(WITH_POD, ended(last=end(ran=4000.0)))).verdicts
    assert not diagnose(scene(WITH_POD, ended(replace(APP, attempt=1)))).verdicts
    assert diagnose(scene(WITH_POD, ended(last=end(ran=None)))).verdicts, "too short to be seen"


def test_of_dockers_its_own_word_counts_whether_it_is_started_again() -> None:
    web = replace(docker("web"), attempt=6)
    assert rules(diagnose(scene(EMPTY, ended(web, restarting=True)))) == {"web": ["crash_loop"]}
    assert not diagnose(scene(EMPTY, ended(web, restarting=False))).verdicts
    assert not diagnose(scene(EMPTY, ended(web, ago=90.0))).verdicts


def test_an_oom_kill_is_named_as_the_cause() -> None:
    killed = ended(last=end(137, reason=Reason.OOM_KILLED))
    ((finding,),) = (v.findings for v in diagnose(scene(WITH_POD, killed)).verdicts)
    assert "exit code 137, SIGKILL (OOMKilled)" in finding.evidence[1].says
    assert finding.advice[0].startswith("the OOM killer ended it")


def test_the_page_knows_it_too_by_what_the_watcher_saw() -> None:
    total = replace(ended().total, identity=identity_of(APP))
    host = replace(WITH_POD, lifetimes=Lifetimes(totals=(total,)))
    assert rules(diagnose(scene_of([host]))) == {"shop/web/app": ["crash_loop"]}
    without = replace(EMPTY, lifetimes=Lifetimes(totals=(total,)))
    assert not diagnose(scene_of([without])).verdicts


def test_restarts_of_before_it_came_are_none_of_the_time_looked_at() -> None:
    web = replace(docker("web"), attempt=7)
    total = replace(ended(web).total, ended=None, last=None)
    running = snapshot(sample(inode=8, path="/docker/web", container=web), at=2.0)
    (subject,) = scene_of([EMPTY, replace(running, lifetimes=Lifetimes((total,)))]).subjects
    assert subject.restarts == 0
    twice = replace(total, restarts=9, exits={Reason.ERROR: 2})
    (subject,) = scene_of([EMPTY, replace(running, lifetimes=Lifetimes((twice,)))]).subjects
    assert subject.restarts == 2


def test_one_that_is_asked_for_has_a_verdict_where_nothing_is_wrong() -> None:
    job = ended(docker("job"), end(0, reason=Reason.COMPLETED))
    looked = scene(EMPTY, job)
    assert not diagnose(looked).verdicts
    (verdict,) = diagnose(looked, {Identity("", "", "", "job")}).verdicts
    assert (verdict.name, verdict.findings) == ("job", ())


def test_what_was_seen_to_end_just_now_is_newer_than_what_was_kept() -> None:
    seen = replace(ended(last=end(9)).total, ended=WALL - 1.0)
    host = replace(WITH_POD, lifetimes=Lifetimes(totals=(seen,)))
    (gone,) = scene(host, ended()).gone
    assert gone.total == seen
    older = replace(host, lifetimes=Lifetimes(totals=(replace(seen, ended=None, last=None),)))
    (gone,) = scene(older, ended()).gone
    assert gone.total.last == end(3)


def test_one_that_runs_again_knows_its_last_end() -> None:
    running = snapshot(sample(inode=8, path="/pods/web/app", container=APP))
    seen = Lifetimes(totals=(Total(identity_of(APP), restarts=5),))
    looked = scene(replace(running, lifetimes=seen), ended())
    assert looked.gone == ()
    (subject,) = looked.subjects
    assert subject.total is not None
    assert subject.total.last == end(3)


def test_the_text_tells_how_it_ended() -> None:
    used = Counters(cpu_usec=1_500_000, memory_peak=64 * MIB, oom_kills=2)
    job = ended(docker("job"), end(137, reason=Reason.OOM_KILLED, counters=used))
    looked = scene(EMPTY, job)
    text = diagnosis_text(
        diagnose(looked, {job.total.identity}), looked, Style(ascii_only=True), one=True
    )
    assert "job   (demo:1, docker, down for 14s)" in text
    assert "ended with exit code 137, SIGKILL (OOMKilled) after 2s, 14s ago" in text
    assert "OOM kills in that run: 2; its memory peak 64.0M" in text
    assert "used 1.50 s of CPU time in that run" in text


def test_the_json_has_the_end() -> None:
    looked = scene(WITH_POD, ended(pauses=(10.0,)))
    (told,) = json.loads(document(diagnose(looked), looked))["containers"]
    assert (told["id"], told["runtime"], told["pod"]) == (APP.id, "containerd", "web")
    assert told["ended"] == {
        "time": WALL - 14.0,
        "exit_code": 3,
        "signal": None,
        "reason": "Error",
        "run_seconds": 2.0,
        "oom_kills": None,
        "restarts": 5,
        "down_seconds_before": [10.0],
        "restarting": None,
    }
