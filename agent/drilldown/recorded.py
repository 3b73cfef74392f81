"""
A Diagnosis of the past, with what was recorded then in place of a closer look: none can be made.

    cpu_throttled, cpu_hog, oom_killed, crash_loop    the notes of `agent.drilldown.looking`
    cpu_starved    a note of `agent snapshot save`, else the Snapshots' counts of the probe "sched"

What was not recorded is a check that could not be made. Pure.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from agent.bpf.sched_counts import NO_SCHED, SchedCounts
from agent.container.whose import names_of
from agent.diagnosis.diagnose import Diagnosis, Verdict
from agent.diagnosis.finding import Evidence, NotPossible, RuleId
from agent.diagnosis.note import Note
from agent.diagnosis.scene import Subject
from agent.drilldown.evidence import taken_by, with_added
from agent.lifecycle.totals import Identity
from agent.model import Snapshot
from agent.records import replace
from agent.trace.sched import since, together

_ASKED: Final[Mapping[RuleId, str]] = {
    "cpu_throttled": "which of its processes used the CPU",
    "cpu_hog": "which of its processes used the CPU",
    "oom_killed": "whom the OOM killer ended",
    "crash_loop": "what it printed last",
}
_REMEDY: Final = "`agent run` records it while something is wrong, once a minute (docs/history.md)"


def recorded(
    diagnosis: Diagnosis, snapshots: Sequence[Snapshot], notes: Iterable[Note]
) -> Diagnosis:
    """Add what is known. `snapshots`, `notes`: of the time the diagnosis is about."""
    newest: dict[tuple[Identity, str], Note] = {}
    for note in sorted(notes, key=lambda note: note.at):
        newest[note.identity, note.rule] = note
    names = _names(snapshots)
    added: dict[tuple[int, RuleId], Sequence[Evidence]] = {}
    verdicts = []
    for place, verdict in enumerate(diagnosis.verdicts):
        lacks = []
        for finding in verdict.findings:
            found = _found(verdict, finding.rule, newest, names)
            if isinstance(found, NotPossible):
                lacks.append(found)
            elif found:
                added[place, finding.rule] = found
        verdicts.append(replace(verdict, blind=(*verdict.blind, *lacks)) if lacks else verdict)
    blind = Counter(lack for verdict in verdicts for lack in verdict.blind)
    return with_added(
        replace(diagnosis, verdicts=tuple(verdicts), blind=tuple(blind.most_common())), added
    )


def _found(
    verdict: Verdict,
    rule: RuleId,
    newest: Mapping[tuple[Identity, str], Note],
    names: Mapping[int, str],
) -> Sequence[Evidence] | NotPossible:
    note = newest.get((verdict.identity, rule))
    if rule == "cpu_starved" and note is None and verdict.subject is not None:
        return _takers(verdict.subject, names)
    if rule not in _ASKED and note is None:
        return ()
    if note is None:
        return NotPossible(rule, f"{_ASKED[rule]} was not recorded", _REMEDY)
    at = time.strftime("%H:%M:%S", time.localtime(note.at))
    return [Evidence(one.says, f"{one.source}, recorded at {at}") for one in note.evidence]


def _takers(subject: Subject, names: Mapping[int, str]) -> Sequence[Evidence] | NotPossible:
    inode = subject.usage.cgroup.inode
    counts = subject.samples[-1].probes.get(SchedCounts)
    if counts is None:
        return NotPossible(
            "cpu_starved",
            "who took the CPU was not recorded: the probe sched did not run",
            "see `agent doctor`, and probes.on in docs/probes.md",
        )
    # It counts from when it first saw the cgroup.
    before = subject.first.probes.get(SchedCounts) or NO_SCHED
    first, last = (together({inode: one}, names) for one in (before, counts))
    text = taken_by(since(last, first))
    return [Evidence(text, "probe sched: sched_switch, in its windows")] if text else ()


def _names(snapshots: Sequence[Snapshot]) -> dict[int, str]:
    """Whose each cgroup was, of all that there were."""
    return names_of(
        {
            sample.cgroup.inode: (sample.cgroup, sample.container)
            for snapshot in snapshots
            for sample in snapshot.samples
        }.values()
    )
