"""A closer look as Notes: bounded, so that what is kept of a host full of trouble is."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

from agent.diagnosis.diagnose import Diagnosis
from agent.diagnosis.finding import Evidence, RuleId
from agent.diagnosis.note import Note
from agent.drilldown.evidence import Sources, closer
from agent.drilldown.looking import RULES
from agent.lifecycle.totals import Identity
from agent.model import Snapshot
from agent.records import replace

_LINES: Final = 4
"""Of one note."""
_BYTES: Final = 240
"""Of one line."""


def looked_at(
    diagnosis: Diagnosis,
    done: Collection[tuple[Identity, str]] = (),
    most: int | None = None,
    rules: Collection[RuleId] = RULES,
) -> Diagnosis:
    """The findings of `rules` to look closer at, without `done`, of the `most` worst."""
    due = []
    for verdict in diagnosis.verdicts:
        findings = tuple(
            finding
            for finding in verdict.findings
            if finding.rule in rules and (verdict.identity, finding.rule) not in done
        )
        if findings:
            due.append(replace(verdict, findings=findings))
    return replace(diagnosis, verdicts=tuple(due[:most]))


def rules_of(diagnosis: Diagnosis) -> set[RuleId]:
    """Of its findings."""
    return {finding.rule for verdict in diagnosis.verdicts for finding in verdict.findings}


def notes_of(diagnosis: Diagnosis, last: Snapshot, sources: Sources, at: float) -> Iterator[Note]:
    """Look. `last`: the newest Snapshot the diagnosis is of. `at`: Unix seconds."""
    added = closer(diagnosis.verdicts, last, sources)
    for place, verdict in enumerate(diagnosis.verdicts):
        for finding in verdict.findings:
            # Also where there was nothing to see: that was looked at is kept.
            evidence = added.get((place, finding.rule), ())
            yield Note(
                at=at,
                identity=verdict.identity,
                rule=finding.rule,
                evidence=tuple(map(_bounded, evidence[:_LINES])),
            )


def _bounded(evidence: Evidence) -> Evidence:
    data = evidence.says.encode("utf-8", "replace")
    if len(data) <= _BYTES:
        return evidence._replace(says=data.decode())
    return evidence._replace(says=data[:_BYTES].decode("utf-8", "ignore") + "…")
