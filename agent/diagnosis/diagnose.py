"""All rules on all containers.

    diagnose(scene) -> Diagnosis       findings by container, the worst container first

Pure. A rule that cannot run is said once for the host, with how many containers it concerns.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from typing import Final

from agent.diagnosis.cpu import cpu_hog, cpu_over_request, cpu_starved, cpu_throttled
from agent.diagnosis.finding import Finding, NotPossible, Outcome, RuleId, Severity
from agent.diagnosis.io import io_heavy, io_stall
from agent.diagnosis.lifecycle import crash_loop, crash_loop_of_gone, health
from agent.diagnosis.memory import mem_thrash, oom_killed, oom_risk
from agent.diagnosis.names import name_of, name_of_identity
from agent.diagnosis.network import net_drops
from agent.diagnosis.scene import Gone, Scene, Subject
from agent.diagnosis.storage import disk_full, log_flood
from agent.diagnosis.tasks import fd_limit, pids_limit
from agent.lifecycle.totals import Identity, identity_of
from agent.records import dataclass

Rule = Callable[[Subject, Scene], Outcome]

RULES: Final[dict[RuleId, Rule]] = {
    "oom_killed": oom_killed,
    "oom_risk": oom_risk,
    "mem_thrash": mem_thrash,
    "cpu_throttled": cpu_throttled,
    "cpu_starved": cpu_starved,
    "cpu_hog": cpu_hog,
    "cpu_over_request": cpu_over_request,
    "io_stall": io_stall,
    "io_heavy": io_heavy,
    "net_drops": net_drops,
    "pids_limit": pids_limit,
    "fd_limit": fd_limit,
    "crash_loop": crash_loop,
    "disk_full": disk_full,
    "log_flood": log_flood,
    "health": health,
}
"""In the order in which findings of equal weight are told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is wrong with one container."""

    name: str
    subject: Subject | None
    """None: it ended and has no cgroup just now (`gone`)."""
    gone: Gone | None
    findings: tuple[Finding, ...]
    """The worst first."""
    blind: tuple[NotPossible, ...]
    passed: int
    """Checks that found nothing unusual."""

    @property
    def identity(self) -> Identity:
        """Who it is over restarts."""
        if self.subject is not None:
            return identity_of(self.subject.container)
        assert self.gone is not None
        return self.gone.identity

    @property
    def severity(self) -> Severity | None:
        """Of the worst finding; None without one."""
        return self.findings[0].severity if self.findings else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """Everything."""

    verdicts: tuple[Verdict, ...]
    """One for each container, the worst first."""
    blind: tuple[tuple[NotPossible, int], ...]
    """Checks that could not be made, and of how many containers."""


def diagnose(scene: Scene, asked: Collection[Identity] = ()) -> Diagnosis:
    """
    Run every rule on every container.

    asked: of those that are down, which have a verdict also where nothing is wrong.
    """
    verdicts = [_verdict(subject, scene) for subject in scene.subjects]
    for gone in scene.gone:
        finding = crash_loop_of_gone(gone, scene)
        if finding is not None or gone.identity in asked:
            verdicts.append(
                Verdict(
                    name=name_of_identity(gone.identity),
                    subject=None,
                    gone=gone,
                    findings=() if finding is None else (finding,),
                    blind=(),
                    passed=0,
                )
            )
    verdicts.sort(key=_rank)
    blind = Counter(lack for verdict in verdicts for lack in verdict.blind)
    return Diagnosis(verdicts=tuple(verdicts), blind=tuple(blind.most_common()))


def _verdict(subject: Subject, scene: Scene) -> Verdict:
    findings, blind, passed = [], [], 0
    for rule in RULES.values():
        outcome = rule(subject, scene)
        if isinstance(outcome, Finding):
            findings.append(outcome)
        elif isinstance(outcome, NotPossible):
            blind.append(outcome)
        else:
            passed += 1
    findings.sort(key=lambda finding: (-finding.severity, -finding.weight))
    return Verdict(
        name=name_of(subject.container),
        subject=subject,
        gone=None,
        findings=tuple(findings),
        blind=tuple(blind),
        passed=passed,
    )


def _rank(verdict: Verdict) -> tuple[float, float, str]:
    worst = verdict.findings[0] if verdict.findings else None
    if worst is None:
        return 0.0, 0.0, verdict.name
    return -worst.severity, -worst.weight, verdict.name
