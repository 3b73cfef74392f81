"""A Diagnosis narrowed to the containers that are meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent.container.target import Target
    from agent.diagnosis.diagnose import Diagnosis, Verdict


def verdicts_of(target: Target, diagnosis: Diagnosis, proc: str) -> tuple[Verdict, ...]:
    """Those of the target, of what has a cgroup. `proc`: see `agent.container.target.find`."""
    from agent.container.target import Candidate, find

    living = {}
    candidates = []
    for verdict in diagnosis.verdicts:
        if verdict.subject is not None:
            cgroup = verdict.subject.usage.cgroup
            living[cgroup.inode] = verdict
            candidates.append(Candidate(cgroup, verdict.subject.container))
    found = find(target, candidates, proc)
    return tuple(living[candidate.cgroup.inode] for candidate in found)


def only(diagnosis: Diagnosis, verdicts: tuple[Verdict, ...]) -> Diagnosis:
    """The same of these verdicts alone, with what could not be checked of them."""
    from collections import Counter

    from agent.records import replace

    blind = Counter(lack for verdict in verdicts for lack in verdict.blind)
    return replace(diagnosis, verdicts=verdicts, blind=tuple(blind.most_common()))
