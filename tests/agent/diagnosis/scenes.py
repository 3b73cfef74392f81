"""Seconds of a host's life, built by hand for the rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agent.cgroupfs.reading import CgroupReading
from agent.container.container import Container
from agent.diagnosis.diagnose import diagnose
from agent.diagnosis.finding import Finding
from agent.diagnosis.scene import scene_of
from agent.model import Snapshot
from agent.procfs.stat import CpuTimes
from tests.agent.snapshots import docker, host, sample, snapshot

CORES = 4


def look(
    readings: Mapping[str, Sequence[CgroupReading]],
    *,
    busy: float = 0.3,
    above: Mapping[str, Sequence[CgroupReading]] | None = None,
    paths: Mapping[str, str] | None = None,
    containers: Mapping[str, Container] | None = None,
) -> list[Snapshot]:
    """
    One Snapshot a second: container → its readings, one each second.

    busy: share of the host's CPU in use. above: path → readings of a cgroup that is no container.
    """
    paths = paths or {}
    containers = containers or {}
    taken = []
    for tick in range(len(next(iter(readings.values())))):
        samples = [
            sample(said[tick], inode=1000 + number, path=path, at=float(tick))
            for number, (path, said) in enumerate((above or {}).items())
        ]
        samples += [
            sample(
                said[tick],
                inode=100 + number,
                path=paths.get(name, f"/docker/{name}"),
                container=containers.get(name, docker(name)),
                at=float(tick),
            )
            for number, (name, said) in enumerate(readings.items())
        ]
        ticks = tick * 100 * CORES
        used = round(ticks * busy)
        cpu = CpuTimes(used, 0, 0, ticks - used, 0, 0, 0, 0)
        taken.append(snapshot(*samples, at=float(tick), machine=host(cores=CORES, cpu=cpu)))
    return taken


def found(snapshots: Sequence[Snapshot]) -> dict[str, dict[str, Finding]]:
    """Container → rule → its finding."""
    diagnosis = diagnose(scene_of(snapshots))
    return {
        verdict.name: {finding.rule: finding for finding in verdict.findings}
        for verdict in diagnosis.verdicts
    }


def rules(snapshots: Sequence[Snapshot]) -> dict[str, list[str]]:
    """Container → rules that found something, the worst first."""
    return {name: list(findings) for name, findings in found(snapshots).items() if findings}
