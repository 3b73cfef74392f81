"""Filesystems: full, or soon filled by what it logs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from agent.diagnosis.finding import Confidence, Evidence, Finding, NotPossible, Outcome, Severity
from agent.diagnosis.scene import Scene, Subject
from agent.filesystem.usage import FilesystemUsage, Space
from agent.units import human_duration, human_percent, human_rate, human_size

FULL: Final = 0.95
"""Of the bytes or inodes an ordinary process may use."""
FLOOD: Final = 512 * 1024
"""Bytes of log a second: 44 GB a day."""
MUCH: Final = 64 * 1024
"""5.6 GB a day. What runtimes and the kubelet keep of it reaches back some minutes."""
_LEAST_SECONDS: Final = 1.0
_DAY: Final = 86400


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
    sizes = _log_sizes(subject)
    if len(sizes) < 2:
        return NotPossible("log_flood", "the sizes of its logs are not measured yet", "look longer")
    (first, then), (last, now) = sizes[0], sizes[-1]
    length, grown = last - first, now - then
    if length < _LEAST_SECONDS or grown / length < MUCH:
        return None
    return Finding(
        rule="log_flood",
        severity=Severity.WARNING if grown / length >= FLOOD else Severity.NOTICE,
        confidence=Confidence.HIGH,
        summary=f"logs {human_rate(grown / length)}B/s",
        evidence=(
            Evidence(
                f"its log files grew by {human_size(grown)} in {human_duration(length)}:"
                f" {human_size(grown / length * _DAY)} a day",
                "sizes of its log files",
            ),
        ),
        advice=("lower its log level, or ship less of it: rate_lines in docs/logs-processing.md",),
        weight=0.3,
    )


def _log_sizes(subject: Subject) -> list[tuple[float, int]]:
    """When its logs were how large, each measurement once: several samples may share one."""
    sizes: dict[float, int] = {}
    for sample in subject.samples:
        layer = None if sample.filesystem is None else sample.filesystem.layer
        if layer is not None:
            at = sample.read_at if layer.looked_at is None else layer.looked_at
            sizes[at] = layer.log_size
    return sorted(sizes.items())
