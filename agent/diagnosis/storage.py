"""Filesystems: full, or soon filled by what it logs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from agent.diagnosis.finding import Confidence, Evidence, Finding, NotPossible, Outcome, Severity
from agent.diagnosis.scene import Scene, Subject
from agent.filesystem.usage import FilesystemUsage, Space
from agent.units import human_percent, human_rate, human_size

FULL: Final = 0.95
"""Of the bytes or inodes an ordinary process may use."""
FLOOD: Final = 512 * 1024
"""Bytes of log a second."""
_LEAST_SECONDS: Final = 1.0


def disk_full(subject: Subject, _scene: Scene) -> Outcome:
    """A filesystem it writes to has no room left."""
    usage = subject.usage.sample.filesystem
    if usage is None:
        return NotPossible("disk_full", "its filesystems are not measured yet", "look longer")
    worst = max(_filled(usage), key=lambda item: item[0], default=None)
    if worst is None or worst[0] < FULL:
        return None
    ratio, what, where, left = worst
    return Finding(
        rule="disk_full",
        severity=Severity.CRITICAL if ratio > 0.99 else Severity.WARNING,
        confidence=Confidence.HIGH,
        summary=f"{where} is {human_percent(ratio)}% full",
        evidence=(Evidence(f"{human_percent(ratio)}% of the {what} of {where}: {left}", "statfs"),),
        advice=("remove what is not needed, or move it to a larger filesystem",),
        weight=ratio,
    )


def _filled(usage: FilesystemUsage) -> Iterator[tuple[float, str, str, str]]:
    spaces: list[tuple[str, Space]] = []
    if usage.layer is not None and usage.layer.space is not None:
        spaces.append((usage.layer.device or "its writable layer", usage.layer.space))
    spaces += [(volume.mount_point, volume.space) for volume in usage.volumes]
    for where, space in spaces:
        reachable = space.used + space.available
        if reachable:
            left = f"{human_size(space.available)} left"
            yield space.used / reachable, "bytes", where, left
        if space.inodes and space.inodes_free is not None:
            ratio = 1 - space.inodes_free / space.inodes
            yield ratio, "inodes", where, f"{space.inodes_free} left"


def log_flood(subject: Subject, _scene: Scene) -> Outcome:
    """Its log grows faster than anybody reads."""
    sizes = [
        (sample.read_at, sample.filesystem.layer.log_size)
        for sample in subject.samples
        if sample.filesystem is not None and sample.filesystem.layer is not None
    ]
    if len(sizes) < 2:
        return NotPossible("log_flood", "the sizes of its logs are not measured yet", "look longer")
    length = sizes[-1][0] - sizes[0][0]
    grown = sizes[-1][1] - sizes[0][1]
    if length < _LEAST_SECONDS or grown / length < FLOOD:
        return None
    return Finding(
        rule="log_flood",
        severity=Severity.WARNING,
        confidence=Confidence.HIGH,
        summary=f"logs {human_rate(grown / length)}B/s",
        evidence=(
            Evidence(
                f"its log files grew by {human_size(grown)}: {human_rate(grown / length)}B/s",
                "sizes of its log files",
            ),
        ),
        advice=("lower its log level, or ship less of it: rate_limit in docs/logs-processing.md",),
        weight=0.3,
    )
