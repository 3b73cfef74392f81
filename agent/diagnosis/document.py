"""A diagnosis as JSON for scripts: stable names, base units, `schema_version`.

{"schema_version": 1, "time": 1760000000.0, "seconds": 300.0,
 "containers": [{"name": …, "runtime": …, "id": …, "findings": [
     {"rule": "cpu_throttled", "severity": "critical", "confidence": "high", "summary": …,
      "evidence": [{"says": …, "source": …}], "advice": […]}],
   "not_possible": [{"rule": …, "reason": …, "remedy": …}], "passed": 12, "ended": null}]}

"ended" of one that does not run: {"time", "exit_code", "signal", "reason", "run_seconds",
"oom_kills", "restarts", "down_seconds_before", "restarting"}, as `agent events -o json` has them;
"restarts" by the runtime's count, "down_seconds_before" of its latest starts, oldest first,
"restarting" whether the runtime says that it starts it again. Not known is null.
"""

from __future__ import annotations

from typing import Final, TypedDict

import orjson

from agent.diagnosis.diagnose import Diagnosis, Verdict
from agent.diagnosis.finding import Finding
from agent.diagnosis.scene import Gone, Scene

SCHEMA_VERSION: Final = 1


class _Finding(TypedDict):
    rule: str
    severity: str
    confidence: str
    summary: str
    evidence: list[dict[str, str]]
    advice: list[str]


class _Container(TypedDict):
    name: str
    runtime: str
    id: str
    image: str
    namespace: str
    pod: str
    container: str
    cgroup: str
    findings: list[_Finding]
    not_possible: list[dict[str, str]]
    passed: int
    ended: _Ended | None


class _Ended(TypedDict):
    time: float | None
    exit_code: int | None
    signal: int | None
    reason: str | None
    run_seconds: float | None
    oom_kills: int | None
    restarts: int | None
    down_seconds_before: list[float]
    restarting: bool | None


def document(diagnosis: Diagnosis, scene: Scene) -> bytes:
    """One JSON object with a newline."""
    return orjson.dumps(
        {
            "schema_version": SCHEMA_VERSION,
            "time": scene.wall_time,
            "seconds": scene.seconds,
            "containers": [_container(verdict) for verdict in diagnosis.verdicts],
        },
        option=orjson.OPT_APPEND_NEWLINE,
    )


def _container(verdict: Verdict) -> _Container:
    subject = verdict.subject
    container = subject.container if subject is not None else None
    gone = verdict.gone
    identity = gone.identity if gone is not None else None
    if gone is not None and gone.ended is not None:
        container = gone.ended.container
    return {
        "name": verdict.name,
        "runtime": container.runtime if container else "",
        "id": container.id if container else "",
        "image": container.image if container else "",
        "namespace": container.namespace if container else identity.namespace if identity else "",
        "pod": container.pod if container else identity.pod if identity else "",
        "container": container.container if container else identity.container if identity else "",
        "cgroup": subject.usage.cgroup.path if subject else "",
        "findings": [_finding(finding) for finding in verdict.findings],
        "not_possible": [
            {"rule": lack.rule, "reason": lack.reason, "remedy": lack.remedy}
            for lack in verdict.blind
        ],
        "passed": verdict.passed,
        "ended": None if gone is None else _ended(gone),
    }


def _ended(gone: Gone) -> _Ended:
    total, last = gone.total, gone.total.last
    used = last.counters if last is not None else None
    return {
        "time": total.ended,
        "exit_code": None if last is None else last.code,
        "signal": None if last is None else last.signal,
        "reason": None if last is None else last.reason.value,
        "run_seconds": None if last is None else last.ran,
        "oom_kills": None if used is None else used.oom_kills,
        "restarts": total.attempt,
        "down_seconds_before": list(gone.ended.pauses) if gone.ended is not None else [],
        "restarting": gone.ended.restarting if gone.ended is not None else None,
    }


def _finding(finding: Finding) -> _Finding:
    return {
        "rule": finding.rule,
        "severity": finding.severity.word,
        "confidence": finding.confidence.value,
        "summary": finding.summary,
        "evidence": [{"says": e.says, "source": e.source} for e in finding.evidence],
        "advice": list(finding.advice),
    }
