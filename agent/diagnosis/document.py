"""A diagnosis as JSON for scripts: stable names, base units, `schema_version`.

{"schema_version": 1, "time": 1760000000.0, "seconds": 300.0,
 "containers": [{"name": …, "runtime": …, "id": …, "findings": [
     {"rule": "cpu_throttled", "severity": "critical", "confidence": "high", "summary": …,
      "evidence": [{"says": …, "source": …}], "advice": […]}],
   "not_possible": [{"rule": …, "reason": …, "remedy": …}], "passed": 12}]}
"""

from __future__ import annotations

from typing import Final, TypedDict

import orjson

from agent.diagnosis.diagnose import Diagnosis, Verdict
from agent.diagnosis.finding import Finding
from agent.diagnosis.scene import Scene

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
    identity = verdict.gone.identity if verdict.gone is not None else None
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
