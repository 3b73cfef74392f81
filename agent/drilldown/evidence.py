"""
A Diagnosis, with what a closer look at the few containers with a finding adds to it.

    cpu_throttled, cpu_hog   which of its processes use the CPU
    cpu_starved              who takes the CPU from it, where the probe "sched" can run
    oom_killed               the victim, and the cgroup whose limit was hit
    crash_loop               its last log lines

What cannot be looked at adds nothing: the finding stands without it. Nothing here runs on a tick.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal

from agent.cgroupfs.reading import Cgroup
from agent.container.log_source import LogSource
from agent.container.whose import names_of
from agent.diagnosis.diagnose import Diagnosis, Verdict
from agent.diagnosis.finding import Evidence, Finding, RuleId
from agent.drilldown.last_lines import Redact, last_lines, plain
from agent.drilldown.processes import busiest
from agent.drilldown.takers import NoProbe, takers
from agent.faults import told
from agent.kernelfile import Denied, UnexpectedText
from agent.model import Snapshot
from agent.procfs.kmsg import OomKill
from agent.records import dataclass, replace
from agent.trace.sched import Scheduling
from agent.units import human_cores, plural

_MOST: Final = 3
"""Names in one line."""

Added = Mapping[tuple[int, RuleId], Sequence[Evidence]]
"""(place of the verdict, rule) → what to add."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where to look."""

    pids: Callable[[Cgroup], Sequence[int]]
    logs: Callable[[], Sequence[LogSource]]
    oom_kills: Sequence[OomKill] | str
    """Of the time looked at, from the kernel's log; or why that could not be read."""
    unified: str | None
    """Mount point of the cgroup2 hierarchy; None: who takes the CPU is not asked."""
    loader: Literal["auto", "libbpf", "bcc"]
    redact: Redact = plain
    """Of log lines."""


def drill_down(diagnosis: Diagnosis, last: Snapshot, sources: Sources) -> Diagnosis:
    """Look closer. `last`: the newest Snapshot the diagnosis is of."""
    return with_added(diagnosis, closer(diagnosis.verdicts, last, sources))


def closer(verdicts: Sequence[Verdict], last: Snapshot, sources: Sources) -> Added:
    """What a closer look adds to which finding."""
    return {
        **_processes(verdicts, sources),
        **_takers(verdicts, last, sources),
        **_victims(verdicts, sources.oom_kills),
        **_log_lines(verdicts, sources),
    }


def with_added(diagnosis: Diagnosis, added: Added) -> Diagnosis:
    """The same with more evidence."""
    if not added:
        return diagnosis
    return replace(
        diagnosis,
        verdicts=tuple(
            replace(
                verdict,
                findings=tuple(
                    _with(finding, added.get((place, finding.rule), ()))
                    for finding in verdict.findings
                ),
            )
            for place, verdict in enumerate(diagnosis.verdicts)
        ),
    )


def _with(finding: Finding, more: Sequence[Evidence]) -> Finding:
    return replace(finding, evidence=(*finding.evidence, *more)) if more else finding


def _about(verdicts: Sequence[Verdict], *rules: RuleId) -> list[tuple[int, RuleId, Verdict]]:
    return [
        (place, finding.rule, verdict)
        for place, verdict in enumerate(verdicts)
        for finding in verdict.findings
        if finding.rule in rules
    ]


def _processes(verdicts: Sequence[Verdict], sources: Sources) -> Added:
    added = {}
    for place, rule, verdict in _about(verdicts, "cpu_throttled", "cpu_hog"):
        if verdict.subject is None:
            continue
        try:
            pids = sources.pids(verdict.subject.usage.cgroup)
        except (Denied, UnexpectedText) as error:
            said = f"its busiest processes are not known: {told(error)}"
            added[place, rule] = [Evidence(said, "cgroup.procs")]
            continue
        busy = busiest(pids)
        named = ", ".join(f"{one.name} ({human_cores(one.cores)}, pid {one.pid})" for one in busy)
        if named:
            added[place, rule] = [Evidence(f"busiest processes: {named}", "/proc/PID/stat")]
    return added


def _takers(verdicts: Sequence[Verdict], last: Snapshot, sources: Sources) -> Added:
    starved = [
        (place, rule, verdict.subject)
        for place, rule, verdict in _about(verdicts, "cpu_starved")
        if verdict.subject is not None
    ]
    if not starved or sources.unified is None:
        return {}
    names = names_of((sample.cgroup, sample.container) for sample in last.samples)
    directories = [f"{sources.unified}{s.usage.cgroup.path}" for _, _, s in starved]
    try:
        seen = takers(directories, names, sources.loader)
    except NoProbe as error:
        said = Evidence(f"who takes the CPU from it is not known: {error}", "probe sched")
        return {(place, rule): [said] for place, rule, _ in starved}
    return {
        (place, rule): [Evidence(text, "probe sched: sched_switch")]
        for (place, rule, _), scheduling in zip(starved, seen, strict=True)
        if (text := taken_by(scheduling))
    }


def taken_by(scheduling: Scheduling) -> str:
    """ "the CPU was taken from it by batch (412 times), web (3 times)"; "" where nobody did."""
    most = sorted(scheduling.takers.items(), key=lambda item: (-item[1], item[0]))[:_MOST]
    named = ", ".join(f"{_whose(name)} ({plural(times, 'time')})" for name, times in most)
    return f"the CPU was taken from it by {named}" if named else ""


def _whose(name: str) -> str:
    """In the root cgroup are the kernel's threads, and all that no cgroup was made for."""
    return "the host's own processes" if name in ("", "/") else name


def _victims(verdicts: Sequence[Verdict], kills: Sequence[OomKill] | str) -> Added:
    added: dict[tuple[int, RuleId], Sequence[Evidence]] = {}
    for place, rule, verdict in _about(verdicts, "oom_killed"):
        if verdict.subject is None:
            continue
        if isinstance(kills, str):
            added[place, rule] = [Evidence(f"who was killed is not known: {kills}", "/dev/kmsg")]
            continue
        path = verdict.subject.usage.cgroup.path
        own = [kill for kill in kills if f"{kill.cgroup}/".startswith(f"{path}/")]
        if own:
            added[place, rule] = [Evidence(victims(own), "/dev/kmsg oom-kill")]
    return added


def victims(kills: Sequence[OomKill]) -> str:
    """ "killed: dd (pid 12), dd (pid 15), for the limit of /docker/abc"; at least one kill."""
    named = ", ".join(f"{kill.name} (pid {kill.pid})" for kill in kills[-_MOST:])
    more = f" and {len(kills) - _MOST} before" if len(kills) > _MOST else ""
    limited = kills[-1].limited
    whose = "as the host had no memory" if limited is None else f"for the limit of {limited}"
    return f"killed: {named}{more}, {whose}"


def _log_lines(verdicts: Sequence[Verdict], sources: Sources) -> Added:
    looping = _about(verdicts, "crash_loop")
    if not looping:
        return {}
    added: dict[tuple[int, RuleId], Sequence[Evidence]] = {}
    logs = sources.logs()
    for place, rule, verdict in looping:
        found = last_lines(_own(verdict, logs), logs, sources.redact)
        if found is not None:
            # A path of Docker's takes three lines of a terminal: told once.
            sources_of = [found.path, *["the same file"] * (len(found.lines) - 1)]
            added[place, rule] = [
                Evidence(f"it printed: {line}", source)
                for line, source in zip(found.lines, sources_of, strict=True)
            ]
    return added


def _own(verdict: Verdict, logs: Sequence[LogSource]) -> list[LogSource]:
    if verdict.subject is not None:
        ids = frozenset({verdict.subject.container.id})
    else:
        ended = verdict.gone.ended if verdict.gone is not None else None
        ids = frozenset() if ended is None else ended.ids
    # Of one that is down the id may not be known, nor of a pod's log: both have its name.
    down = verdict.subject is None
    return [
        source
        for source in logs
        if source.container.id in ids or (down and source.container.title == verdict.name)
    ]
