"""The diagnosis of each host of a fleet, from what Prometheus keeps of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agent.diagnosis.diagnose import Diagnosis, diagnose
from agent.diagnosis.finding import NotPossible
from agent.diagnosis.scene import Scene, scene_of
from agent.model import Snapshot
from agent.records import dataclass, replace


@dataclass(frozen=True, slots=True)
class HostDiagnosis:
    """One host's."""

    host: str
    scene: Scene
    diagnosis: Diagnosis

    @property
    def worst(self) -> tuple[float, float]:
        """Sorts the worst host first: severity and weight of its worst finding, negated."""
        findings = [f for verdict in self.diagnosis.verdicts for f in verdict.findings]
        if not findings:
            return 0.0, 0.0
        worst = max(findings, key=lambda finding: (finding.severity, finding.weight))
        return -float(worst.severity), -worst.weight


def diagnose_hosts(snapshots: Mapping[str, Sequence[Snapshot]]) -> list[HostDiagnosis]:
    """The worst host first. A neighbour is one on the same host."""
    found = []
    for host, taken in snapshots.items():
        scene = scene_of(taken)
        found.append(HostDiagnosis(host, scene, _from_afar(diagnose(scene))))
    return sorted(found, key=lambda each: (*each.worst, each.host))


def _from_afar(diagnosis: Diagnosis) -> Diagnosis:
    """What is missing here is missing in Prometheus, whatever the host itself could tell."""
    return replace(
        diagnosis,
        verdicts=tuple(
            replace(verdict, blind=tuple(_lack(lack) for lack in verdict.blind))
            for verdict in diagnosis.verdicts
        ),
        blind=tuple((_lack(lack), count) for lack, count in diagnosis.blind),
    )


def _lack(lack: NotPossible) -> NotPossible:
    return NotPossible(
        lack.rule,
        "Prometheus has no series for it",
        "scrape this agent with the group of metrics on (docs/metrics.md), or run agent why there",
    )
