"""Series about filesystems → what the rules about full disks and logs look at. Pure."""

from __future__ import annotations

from typing import Final

from agent.filesystem.usage import FilesystemUsage, Layer, Space, Volume
from agent.fleet.sample import CgroupSeries

_SIZE, _USED = "container_fs_limit_bytes", "container_fs_usage_bytes"
_INODES, _INODES_FREE = "container_fs_inodes_total", "container_fs_inodes_free"
_LOGS: Final = "container_fs_log_bytes"
METRICS: Final = (_SIZE, _USED, _INODES, _INODES_FREE, _LOGS)


def filesystem_of(cgroup: CgroupSeries, root: CgroupSeries) -> FilesystemUsage | None:
    """
    Of one container. None: its page does not say.

    How full its filesystem is stands at the root cgroup's series of the same device.
    """
    device = cgroup.label(_SIZE, "device") or cgroup.label(_LOGS, "device")
    if not device:
        return None
    logs, space = cgroup.whole(_LOGS), _space(device, root)
    if logs is not None:
        return FilesystemUsage(layer=Layer(device, space, None, logs))
    if space is None:
        return None
    # cAdvisor's and the kubelet's pages do not tell logs: a layer without them would say 0.
    return FilesystemUsage(volumes=(Volume("", "", device, None, None, space),))


def _space(device: str, root: CgroupSeries) -> Space | None:
    size, used = root.whole(_SIZE, device=device), root.whole(_USED, device=device)
    if size is None or used is None:
        return None
    return Space(
        capacity=size,
        free=size - used,
        available=size - used,
        inodes=root.whole(_INODES, device=device),
        inodes_free=root.whole(_INODES_FREE, device=device),
    )
