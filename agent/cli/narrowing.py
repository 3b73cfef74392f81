"""A Diagnosis narrowed to the containers that are meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent.cli.ended import Meant
    from agent.container.container import Container
    from agent.container.target import Target
    from agent.diagnosis.diagnose import Diagnosis, Verdict


def verdicts_of(target: Target, diagnosis: Diagnosis, proc: str) -> tuple[Verdict, ...]:
    """
    Those of the target, of the past: running then, or down. `proc`: see
    `agent.container.target.find`.
    """
    from agent.cgroupfs.reading import Cgroup
    from agent.container.target import Candidate, find

    verdicts = diagnosis.verdicts
    # By their places: what is down has no cgroup, and no inode.
    candidates = [
        Candidate(Cgroup(place, _path(verdict), 0.0), _container(verdict))
        for place, verdict in enumerate(verdicts)
        if verdict.subject is not None or target.form in ("name", "path")
    ]
    found = find(target, candidates, proc)
    return tuple(verdicts[candidate.cgroup.inode] for candidate in found)


def verdicts_about(meant: Meant, diagnosis: Diagnosis) -> tuple[Verdict, ...]:
    """Those of what was meant when the look began: it may have ended since, or begun anew."""
    running = meant.running
    same = [v for v in diagnosis.verdicts if running and _inode(v) == running.cgroup.inode]
    wanted = frozenset(meant.down) if same else meant.identities
    return (*same, *(v for v in diagnosis.verdicts if v.identity in wanted and v not in same))


def _inode(verdict: Verdict) -> int | None:
    return None if verdict.subject is None else verdict.subject.usage.cgroup.inode


def _path(verdict: Verdict) -> str:
    return "" if verdict.subject is None else verdict.subject.usage.cgroup.path


def _container(verdict: Verdict) -> Container:
    from agent.container.container import Container

    if verdict.subject is not None:
        return verdict.subject.container
    assert verdict.gone is not None
    if verdict.gone.ended is not None:
        return verdict.gone.ended.container
    namespace, pod, container, name = verdict.gone.identity
    return Container(
        runtime="", id="", name=name, namespace=namespace, pod=pod, container=container
    )


def only(diagnosis: Diagnosis, verdicts: tuple[Verdict, ...]) -> Diagnosis:
    """The same of these verdicts alone, with what could not be checked of them."""
    from collections import Counter

    from agent.records import replace

    blind = Counter(lack for verdict in verdicts for lack in verdict.blind)
    return replace(diagnosis, verdicts=verdicts, blind=tuple(blind.most_common()))
