"""Processes and descriptors: forks and opens that fail, or soon will."""

from __future__ import annotations

from typing import Final

from agent.diagnosis.finding import Confidence, Evidence, Finding, NotPossible, Outcome, Severity
from agent.diagnosis.missing import not_possible
from agent.diagnosis.scene import Scene, Subject
from agent.kernelfile import Unlimited
from agent.units import human_percent

NEAR: Final = 0.90
"""Of the limit."""


def pids_limit(subject: Subject, _scene: Scene) -> Outcome:
    """Forks fail, or are about to."""
    usage = subject.usage
    then, now = subject.first.reading.pids_events_max, usage.sample.reading.pids_events_max
    failed = now - then if then is not None and now is not None and now >= then else 0
    pids, limit = usage.pids, usage.pids_limit
    if pids is None or limit is None:
        return not_possible("pids_limit", usage, ("pids", "pids_limit"))
    if isinstance(limit, Unlimited):
        return None
    ratio = pids / limit if limit else 1.0
    if not failed and ratio < NEAR:
        return None
    evidence = [Evidence(f"{pids} of {limit} tasks (threads count)", "pids.current, pids.max")]
    if failed:
        evidence.insert(0, Evidence(f"{failed} forks failed", "pids.events max"))
    return Finding(
        rule="pids_limit",
        severity=Severity.CRITICAL if failed else Severity.WARNING,
        confidence=Confidence.HIGH,
        summary=f"{failed} forks failed on the pids limit"
        if failed
        else f"{human_percent(ratio)}% of pids limit",
        evidence=tuple(evidence),
        advice=("find what does not end or is not waited for; else raise the pids limit",),
        weight=min(ratio, 1.0),
    )


def fd_limit(subject: Subject, _scene: Scene) -> Outcome:
    """Its processes are near their limit of open files."""
    counts = subject.usage.sample.processes
    if counts is not None and not counts.processes:
        return None
    if counts is None or counts.file_descriptors is None or counts.max_open_files is None:
        return NotPossible(
            "fd_limit",
            "its open files or their limit could not be read",
            "give the agent CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH; the group process must be on",
        )
    limit = counts.max_open_files
    # The limit is each process's own; only of one process is their number its share.
    if isinstance(limit, Unlimited) or counts.processes != 1 or not limit:
        return None
    ratio = counts.file_descriptors / limit
    if ratio < NEAR:
        return None
    return Finding(
        rule="fd_limit",
        severity=Severity.CRITICAL if ratio > 0.98 else Severity.WARNING,
        confidence=Confidence.HIGH,
        summary=f"{human_percent(ratio)}% of its open files limit",
        evidence=(
            Evidence(
                f"{counts.file_descriptors} of {limit} files open", "/proc/PID/fd, /proc/PID/limits"
            ),
        ),
        advice=("find what is not closed; else raise the limit (ulimit -n, LimitNOFILE)",),
        weight=min(ratio, 1.0),
    )
