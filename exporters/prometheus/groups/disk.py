"""How full filesystems are: writable layers, volumes, and the host's at "/".

Measured in the background; `container_fs_usage_age_seconds` says how long ago. Where cAdvisor's
names lie, these do not: its container_fs_inodes_total is the number in use, and its
container_fs_inodes_free is 0.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from typing import Final

from agent.filesystem.usage import Layer, Space, Tree, Volume
from agent.model import Sample, Snapshot
from exporters.prometheus.metric import Labels, Metric, Number, Series

_Rows = Iterable[tuple[Labels, Number | None]]


def by_device(
    of_layer: Callable[[Layer], Number | None], of_host: Callable[[Space], Number | None]
) -> Series:
    """A number of the writable layer, or of each of the host's filesystems."""

    def series(sample: Sample, _: Snapshot) -> _Rows:
        usage = sample.filesystem
        if usage is None:
            return ()
        rows: list[tuple[Labels, Number | None]] = [
            ((("device", device.device),), of_host(device.space)) for device in usage.devices
        ]
        if usage.layer is not None:
            rows.append(((("device", usage.layer.device),), of_layer(usage.layer)))
        return rows

    return series


def by_volume(get: Callable[[Volume], Number | None]) -> Series:
    """A number of each volume."""

    def series(sample: Sample, _: Snapshot) -> _Rows:
        usage = sample.filesystem
        if usage is None or not usage.volumes:
            return ()
        return [
            (
                (
                    ("mountpoint", volume.mount_point),
                    ("volume", volume.name),
                    ("volume_type", volume.type),
                ),
                get(volume),
            )
            for volume in usage.volumes
        ]

    return series


def of_tree(get: Callable[[Tree, Snapshot], Number]) -> Series:
    """A number of the walk of the writable layer."""

    def series(sample: Sample, snapshot: Snapshot) -> _Rows:
        usage = sample.filesystem
        if usage is None or usage.layer is None or usage.layer.tree is None:
            return ()
        return (((), get(usage.layer.tree, snapshot)),)

    return series


def used(layer: Layer) -> int | None:
    """Bytes of the writable layer and of the log files beside it."""
    return None if layer.tree is None else layer.tree.size + layer.log_size


def space(get: Callable[[Space], Number | None]) -> Series:
    """A number of the filesystem: the one below the writable layer, or each of the host's."""

    def of_layer(layer: Layer) -> Number | None:
        return None if layer.space is None else get(layer.space)

    return by_device(of_layer, get)


_USAGE: Final = operator.attrgetter("filesystem")


def _gauge(
    name: str,
    source: str,
    text: str,
    read: Series,
    labels: tuple[str, ...],
    about: Callable[[Sample], object] | None = None,
) -> Metric:
    return Metric(
        name=name, type="gauge", source=source, help=text, read=read, labels=labels, about=about
    )


_DEVICE = ("device",)
_VOLUME = ("mountpoint", "volume", "volume_type")
_WALK = "walk of the overlay's upperdir"

METRICS: tuple[Metric, ...] = (
    _gauge(
        "container_fs_usage_bytes",
        f"{_WALK}, and log files; statvfs for /",
        "Bytes on disk of the writable layer and the log files beside it; of / what is in use.",
        by_device(used, lambda found: found.used),
        _DEVICE,
        _USAGE,
    ),
    _gauge(
        "container_fs_limit_bytes",
        "statvfs f_blocks",
        "Size of the filesystem that the writable layer is on, in bytes.",
        space(lambda found: found.capacity),
        _DEVICE,
        _USAGE,
    ),
    Metric(
        name="container_fs_inodes_total",
        # A gauge by a name that promtool and OpenMetrics allow a counter alone.
        type="untyped",
        source="statvfs f_files",
        help="Inodes of the filesystem that the writable layer is on (cAdvisor: those in use).",
        read=space(lambda found: found.inodes),
        labels=_DEVICE,
        about=_USAGE,
    ),
    _gauge(
        "container_fs_inodes_free",
        "statvfs f_ffree",
        "Free inodes of the filesystem that the writable layer is on (cAdvisor: 0).",
        space(lambda found: found.inodes_free),
        _DEVICE,
        _USAGE,
    ),
    _gauge(
        "container_fs_inodes_used",
        _WALK,
        "Files and directories in the writable layer.",
        of_tree(lambda tree, _: tree.inodes),
        (),
        _USAGE,
    ),
    _gauge(
        "container_fs_log_bytes",
        "st_blocks of the log file and its rotated ones",
        "Bytes on disk of the container's log files, where they are on the writable layer's device;"
        " a part of container_fs_usage_bytes.",
        by_device(lambda layer: layer.log_size, lambda _: None),
        _DEVICE,
        _USAGE,
    ),
    _gauge(
        "container_fs_usage_age_seconds",
        _WALK,
        "Time since the writable layer was measured, in seconds.",
        of_tree(lambda tree, snapshot: max(0.0, snapshot.taken_at - tree.measured_at)),
        (),
    ),
    _gauge(
        "container_fs_usage_complete",
        _WALK,
        "1 if the whole writable layer was measured, 0 if there is more than was counted.",
        of_tree(lambda tree, _: int(tree.complete)),
        (),
        _USAGE,
    ),
    _gauge(
        "container_volume_used_bytes",
        "statvfs, or a walk of a directory on a shared filesystem",
        "Bytes in use in the volume; of a bind mount, on the filesystem it is from.",
        by_volume(lambda volume: volume.used),
        _VOLUME,
    ),
    _gauge(
        "container_volume_capacity_bytes",
        "statvfs f_blocks",
        "Size of the volume's filesystem, in bytes.",
        by_volume(lambda volume: volume.space.capacity),
        _VOLUME,
    ),
    _gauge(
        "container_volume_available_bytes",
        "statvfs f_bavail",
        "Bytes that can still be written to the volume.",
        by_volume(lambda volume: volume.space.available),
        _VOLUME,
    ),
    _gauge(
        "container_volume_inodes",
        "statvfs f_files",
        "Inodes of the volume's filesystem.",
        by_volume(lambda volume: volume.space.inodes),
        _VOLUME,
    ),
    _gauge(
        "container_volume_inodes_free",
        "statvfs f_ffree",
        "Free inodes of the volume's filesystem.",
        by_volume(lambda volume: volume.space.inodes_free),
        _VOLUME,
    ),
    _gauge(
        "container_volume_inodes_used",
        "statvfs, or a walk of a directory on a shared filesystem",
        "Files and directories in the volume; of a bind mount, on the filesystem it is from.",
        by_volume(lambda volume: volume.inodes_used),
        _VOLUME,
    ),
)
