"""Starts and ends: a container that does not stay up, one whose health check fails."""

from __future__ import annotations

import signal
from typing import Final

from agent.diagnosis.finding import Confidence, Evidence, Finding, NotPossible, Outcome, Severity
from agent.diagnosis.names import name_of, name_of_identity
from agent.diagnosis.scene import Gone, Scene, Subject
from agent.lifecycle.events import SIGNALLED, Exit, Health, Reason
from agent.lifecycle.totals import Total
from agent.units import human_duration, plural

RESTARTS: Final = 2
"""Within the time looked at."""
YOUNG: Final = 300.0
"""Seconds. A container younger than this that has been restarted often does not stay up."""
ATTEMPTS: Final = 3
RECORDS: Final = "the runtime's records"
_HISTORY: Final = "starts and ends of the history"
_KUBELET_WAITS: Final = 310.0
"""Seconds: its back-off doubles up to 300, and it looks each ten."""
_OTHERS_WAIT: Final = 70.0
"""Docker's doubles up to a minute; Podman and systemd wait less."""
_OOM: Final = "the OOM killer ended it: raise its memory limit, or find out what it keeps"

_MEANINGS: Final = {
    0: "it ended by itself: a service must not; a job wants another restart policy",
    1: "the program says it failed: its last log lines tell why",
    2: "wrong use of a command: look at the arguments",
    125: "the runtime could not start it",
    126: "the command cannot be executed: permissions, or a directory",
    127: "the command was not found in the image",
    134: "abort(): a failed assertion",
    137: "SIGKILL: the OOM killer, or a stop that took too long",
    139: "SIGSEGV: the program crashed",
    143: "SIGTERM: it was asked to stop",
}


def crash_loop(subject: Subject, scene: Scene) -> Outcome:
    """It ends and is started again and again."""
    if subject.restarts is None and subject.container.attempt is None:
        return NotPossible("crash_loop", "nobody follows its ends", "set lifecycle.enabled = true")
    total = subject.total
    restarts = subject.restarts or 0
    age = subject.usage.age(scene.wall_time)
    attempts = subject.container.attempt or 0
    young = attempts >= ATTEMPTS and age is not None and age < YOUNG
    if restarts < RESTARTS and not young:
        return None
    return _finding(
        name_of(subject.container),
        total,
        restarts,
        scene,
        ()
        if age is None
        else (Evidence(f"up {human_duration(age)} since its last start", "the cgroup's age"),),
        attempts if restarts < RESTARTS else 0,
    )


def crash_loop_of_gone(gone: Gone, scene: Scene) -> Finding | None:
    """The same of one that is down at this moment, until nobody waits any more to start it."""
    waits = _waits(gone, scene.wall_time)
    if gone.restarts < RESTARTS and not waits:
        return None
    attempts = gone.total.attempt or 0
    return _finding(
        name_of_identity(gone.identity),
        gone.total,
        gone.restarts,
        scene,
        waited(gone, scene.wall_time),
        attempts if gone.restarts < RESTARTS else 0,
    )


def _waits(gone: Gone, now: float) -> bool:
    """Whether it is in the back-off of one that was started often and never ran for long."""
    total, last = gone.total, gone.total.last
    if total.ended is None or last is None or not gone.there:
        return False
    if gone.ended is not None and gone.ended.restarting is False:
        return False  # stopped, or given up
    # One that was over before its start was seen has no length.
    short = last.ran is None or last.ran < YOUNG
    most = _KUBELET_WAITS if gone.identity.namespace else _OTHERS_WAIT
    return short and (total.attempt or 0) >= ATTEMPTS and now - total.ended < most


def waited(gone: Gone, now: float) -> tuple[Evidence, ...]:
    """Since when it is down, and how long it was down before its latest starts."""
    found = []
    if gone.total.ended is not None:
        down = max(now - gone.total.ended, 0.0)
        found.append(Evidence(f"down for {human_duration(down)}", RECORDS))
    pauses = gone.ended.pauses if gone.ended is not None else ()
    if pauses:
        lengths = ", ".join(map(human_duration, pauses))
        found.append(Evidence(f"was down for {lengths} before its latest starts", _HISTORY))
    return tuple(found)


def _finding(
    name: str,
    total: Total | None,
    restarts: int,
    scene: Scene,
    more: tuple[Evidence, ...],
    attempts: int,
) -> Finding:
    """attempts: all its restarts, where those of the time looked at are too few to tell; else 0."""
    evidence = []
    looked_at = human_duration(scene.seconds)
    if attempts:
        times = f"{plural(attempts, 'restart')} so far"
        evidence.append(
            Evidence(times + (f", {restarts} in {looked_at}" if restarts else ""), RECORDS)
        )
    elif restarts:
        evidence.append(Evidence(f"{plural(restarts, 'restart')} in {looked_at}", RECORDS))
    summary = f"restarted {plural(attempts or restarts, 'time')}"
    advice = []
    last = None if total is None else total.last
    if last is not None:
        evidence.append(Evidence(f"last end: {describe(last)}", RECORDS))
        if last.code is not None:
            summary += f", exit {last.code}"
            meaning = _OOM if last.reason is Reason.OOM_KILLED else _MEANINGS.get(last.code)
            if meaning:
                advice.append(meaning)
    return Finding(
        rule="crash_loop",
        severity=Severity.CRITICAL,
        confidence=Confidence.HIGH,
        summary=summary,
        evidence=(*evidence, *more),
        advice=(*advice, f"see its last lines: agent logs {name}"),
        weight=0.9,
    )


def describe(end: Exit) -> str:
    """ "exit code 3 (Error) after 2s"."""
    text = "exit code unknown" if end.code is None else f"exit code {end.code}"
    number = end.signal or (end.code - SIGNALLED if end.code and end.code > SIGNALLED else None)
    if number is not None:
        try:
            text += f", {signal.Signals(number).name}"
        except ValueError:
            text += f", signal {number}"
    text += f" ({end.reason.value})"
    return text if end.ran is None else f"{text} after {human_duration(end.ran)}"


def health(subject: Subject, _scene: Scene) -> Outcome:
    """Its health check fails."""
    if subject.health is not Health.UNHEALTHY:
        return None
    return Finding(
        rule="health",
        severity=Severity.WARNING,
        confidence=Confidence.HIGH,
        summary="unhealthy",
        evidence=(Evidence("its health check fails", "the runtime's records"),),
        advice=(f"what the check printed: agent inspect {name_of(subject.container)}",),
        weight=0.4,
    )
