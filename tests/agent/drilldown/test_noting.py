"""What a closer look keeps, of which findings, and how much of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from agent.container.log_source import LogSource
from agent.diagnosis.diagnose import diagnose
from agent.diagnosis.note import Note
from agent.diagnosis.recent import Recent
from agent.diagnosis.scene import scene_of
from agent.drilldown.evidence import Sources
from agent.drilldown.looking import AGAIN, CloserLook
from agent.drilldown.noting import looked_at, notes_of, rules_of
from agent.drilldown.redacted_lines import redact_by
from agent.lifecycle.totals import Identity
from agent.log_rules import LogRule
from agent.model import Snapshot
from agent.procfs.kmsg import OomKill
from tests.agent.drilldown.test_evidence import KILL, a_log, killed, looping
from tests.agent.snapshots import docker

KEEP = redact_by((), container_rules=True)


def sources(logs: Sequence[LogSource] = (), kills: Sequence[OomKill] = ()) -> Sources:
    return Sources(
        pids=lambda _cgroup: (),
        logs=lambda: logs,
        oom_kills=kills,
        unified=None,
        loader="auto",
        redact=KEEP,
    )


def test_a_crash_loop_is_noted_without_its_secrets_and_bounded(tmp_path: Path) -> None:
    snapshots = looping()
    log = a_log(tmp_path, b"connecting", b"password=hunter2", b"\xe6\x97\xa5" * 190)
    diagnosis = looked_at(diagnose(scene_of(snapshots)))
    assert rules_of(diagnosis) == {"crash_loop"}
    (note,) = notes_of(diagnosis, snapshots[-1], sources([log]), at=5.0)
    assert (note.at, note.identity, note.rule) == (5.0, Identity("", "", "", "a"), "crash_loop")
    first, second, third = (one.says for one in note.evidence)
    assert (first, second) == ("it printed: connecting", "it printed: password=[redacted]")
    assert len(third.encode()) <= 243
    assert third.endswith("日…")


def test_a_key_that_began_before_the_last_lines_is_taken_out() -> None:
    lines = [b"-----BEGIN RSA PRIVATE KEY-----", *[b"MIIE/owIBAAKCAQEA" * 3] * 4]
    kept = b"".join(KEEP(docker("a"), lines))
    assert b"MIIE" not in kept


def test_lines_are_redacted_as_the_rules_of_their_container_ask() -> None:
    rule = LogRule(container="a", redact=("email",), redact_own=(r"order=ORD-\d+",))
    redact = redact_by([rule], container_rules=True)
    line = [b"mail to ann@example.com about ORD-17"]
    assert redact(docker("a"), line) == [
        b"mail to [redacted:email] about [redacted:order]",
    ]
    assert redact(docker("b"), line) == line


@pytest.fixture
def looked() -> tuple[Callable[[list[Snapshot]], CloserLook], list[Note], list[float]]:
    notes: list[Note] = []
    now = [1000.0]

    def make(snapshots: list[Snapshot]) -> CloserLook:
        recent = Recent()
        for one in snapshots:
            recent.add(one)
        return CloserLook(recent, notes.append, lambda _: sources(kills=[KILL]), lambda: now[0])

    return make, notes, now


def test_the_same_is_noted_again_only_after_a_minute(
    looked: tuple[Callable[[list[Snapshot]], CloserLook], list[Note], list[float]],
) -> None:
    make, notes, now = looked
    look = make(killed())
    look.look()
    look.look()
    seen = [(note.identity.name, note.rule, len(note.evidence)) for note in notes]
    assert sorted(seen) == [("db", "oom_killed", 1), ("web", "oom_killed", 0)]
    now[0] += AGAIN
    look.look()
    assert [note.at for note in notes] == [1000.0] * 2 + [1000.0 + AGAIN] * 2
    assert look.counts() == {"noted": 4, "failed": 0}


def test_where_nothing_is_wrong_nothing_is_noted(
    looked: tuple[Callable[[list[Snapshot]], CloserLook], list[Note], list[float]],
) -> None:
    make, notes, _ = looked
    make([replace(one, lifetimes=None) for one in looping()]).look()
    assert notes == []
