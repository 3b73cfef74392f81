"""A Scene with what was kept of containers that ended before anybody looked. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from agent.diagnosis.finding import Evidence
from agent.diagnosis.lifecycle import RECORDS, describe, waited
from agent.diagnosis.scene import Gone, Scene, Subject
from agent.lifecycle.ended import Ended
from agent.lifecycle.totals import Identity, Total, identity_of
from agent.records import replace
from agent.units import human_duration, human_size, plural, seconds


def with_ended(
    scene: Scene, ended: Mapping[Identity, Ended], pods: frozenset[tuple[str, str]]
) -> Scene:
    """
    The same, where those of `ended` that do not run are down, and those that run again know their
    last end. `pods`: see `scene.pods_of`.
    """
    live = {identity_of(subject.container) for subject in scene.subjects}
    gone = {each.identity: each for each in scene.gone}
    for identity, each in ended.items():
        if identity in live:
            continue
        seen = gone.get(identity)
        # What was seen to end just now is newer than what was kept.
        total = each.total if seen is None else _with_last(seen.total, each.total)
        gone[identity] = Gone(
            identity=identity,
            total=total,
            restarts=0 if seen is None else seen.restarts,
            there=not identity.pod or identity[:2] in pods,
            ended=each,
        )
    return replace(
        scene,
        gone=tuple(gone.values()),
        subjects=tuple(_knowing(subject, ended) for subject in scene.subjects),
    )


def facts(gone: Gone, now: float) -> tuple[Evidence, ...]:
    """How one ended that is not started again, or not known to be. now: Unix seconds."""
    total, last = gone.total, gone.total.last
    found = []
    if last is not None:
        since = (
            "" if total.ended is None else f", {human_duration(max(now - total.ended, 0.0))} ago"
        )
        found.append(Evidence(f"ended with {describe(last)}{since}", _source(gone)))
        used = last.counters
        if used is not None and used.oom_kills:
            peak = (
                ""
                if used.memory_peak is None
                else f"; its memory peak {human_size(used.memory_peak)}"
            )
            killed = f"OOM kills in that run: {used.oom_kills}{peak}"
            found.append(Evidence(killed, "memory.events oom_kill, the runtime's records"))
        if used is not None and used.cpu_usec is not None:
            text = f"used {seconds(used.cpu_usec):.2f} s of CPU time in that run"
            found.append(Evidence(text, "cpu.stat usage_usec at the end"))
    if total.restarts:
        found.append(Evidence(f"{plural(total.restarts, 'restart')} before", RECORDS))
    return (*found, *waited(gone, now)[1:])


def _source(gone: Gone) -> str:
    return RECORDS if gone.ended is None else gone.ended.source


def _with_last(seen: Total, kept: Total) -> Total:
    """`seen` began when somebody looked; the last end may be of before, and so are the counts."""
    if seen.last is not None and (seen.ended or 0.0) >= (kept.ended or 0.0):
        return seen
    return replace(seen, last=kept.last, ended=kept.ended, attempt=kept.attempt)


def _knowing(subject: Subject, ended: Mapping[Identity, Ended]) -> Subject:
    known = ended.get(identity_of(subject.container))
    if known is None or subject.total is None:
        return subject
    return replace(subject, total=_with_last(subject.total, known.total))
