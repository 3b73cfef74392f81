"""What a diagnosis of the past has in place of a closer look."""

from __future__ import annotations

from dataclasses import replace

from agent.bpf.counts import ProbeCounts
from agent.bpf.sched_counts import NO_SCHED
from agent.diagnosis.diagnose import Diagnosis, diagnose
from agent.diagnosis.finding import Confidence, Evidence, Finding, Severity
from agent.diagnosis.note import Note
from agent.diagnosis.scene import scene_of
from agent.drilldown.recorded import recorded
from agent.lifecycle.totals import Identity
from agent.model import Snapshot
from tests.agent.diagnosis.scenes import look
from tests.agent.drilldown.test_evidence import killed, looping, said
from tests.agent.snapshots import reading


def note(name: str, rule: str, says: str, at: float = 1.0) -> Note:
    return Note(
        at=at,
        identity=Identity("", "", "", name),
        rule=rule,
        evidence=(Evidence(says, "/dev/kmsg"),),
    )


def test_the_newest_note_of_a_finding_is_its_evidence() -> None:
    snapshots = killed()
    notes = [note("db", "oom_killed", "new", 2.0), note("db", "oom_killed", "old", 1.0)]
    diagnosis = recorded(diagnose(scene_of(snapshots)), snapshots, notes)
    assert "new" in said(diagnosis, "db")
    assert not {"new", "old"} & set(said(diagnosis, "web"))
    assert "old" not in said(diagnosis, "db")


def test_what_nobody_recorded_is_a_check_that_could_not_be_made() -> None:
    snapshots = killed()
    before = diagnose(scene_of(snapshots))
    after = recorded(before, snapshots, [note("db", "oom_killed", "dd")])
    lacks = {v.name: [b.reason for b in v.blind if b.rule == "oom_killed"] for v in after.verdicts}
    assert lacks == {"db": [], "web": ["whom the OOM killer ended was not recorded"]}
    assert [count for lack, count in after.blind if lack.rule == "oom_killed"] == [1]


def test_one_that_was_down_has_its_lines() -> None:
    snapshots = [replace(snapshot, samples=()) for snapshot in looping()]
    notes = [note("a", "crash_loop", "it printed: no database")]
    diagnosis = recorded(diagnose(scene_of(snapshots)), snapshots, notes)
    assert "it printed: no database" in said(diagnosis, "a")


def starved(*takes: int | None) -> tuple[Diagnosis, list[Snapshot]]:
    """Of "web", from which "batch" took the CPU so often until each Snapshot."""
    looked = look({"web": [reading() for _ in takes], "batch": [reading() for _ in takes]})
    web, batch = (sample.cgroup.inode for sample in looked[0].samples)
    snapshots = []
    for snapshot, times in zip(looked, takes, strict=True):
        first, *rest = snapshot.samples
        counts = () if times is None else (replace(NO_SCHED, takers={batch: times}),)
        first = replace(first, probes=ProbeCounts(counts))
        snapshots.append(replace(snapshot, samples=(first, *rest)))
    finding = Finding(
        rule="cpu_starved",
        severity=Severity.WARNING,
        confidence=Confidence.HIGH,
        summary="waits",
        evidence=(),
        advice=(),
    )
    diagnosis = diagnose(scene_of(snapshots))
    verdicts = [
        replace(verdict, findings=(finding,))
        for verdict in diagnosis.verdicts
        if verdict.subject is not None and verdict.subject.usage.cgroup.inode == web
    ]
    return replace(diagnosis, verdicts=tuple(verdicts)), snapshots


def test_a_note_of_who_took_the_cpu_is_asked_before_the_snapshots() -> None:
    diagnosis, snapshots = starved(None, None)
    notes = [note("web", "cpu_starved", "the CPU was taken from it by job (3 times)")]
    after = recorded(diagnosis, snapshots, notes)
    assert said(after, "web") == ["the CPU was taken from it by job (3 times)"]
    assert not [lack for lack in after.verdicts[0].blind if lack.rule == "cpu_starved"]


def test_who_took_the_cpu_is_in_the_snapshots() -> None:
    diagnosis, snapshots = starved(5, 5, 17)
    after = recorded(diagnosis, snapshots, [])
    assert said(after, "web") == ["the CPU was taken from it by batch (12 times)"]


def test_a_probe_that_began_meanwhile_counts_from_nothing() -> None:
    diagnosis, snapshots = starved(None, 3, 4)
    after = recorded(diagnosis, snapshots, [])
    assert said(after, "web") == ["the CPU was taken from it by batch (4 times)"]


def test_without_the_probe_who_took_the_cpu_is_not_known() -> None:
    diagnosis, snapshots = starved(None, None)
    (verdict,) = recorded(diagnosis, snapshots, []).verdicts
    assert "the probe sched did not run" in verdict.blind[-1].reason
