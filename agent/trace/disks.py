"""What a block device is called, by its number."""

from __future__ import annotations

import functools

from agent.bpf.io_counts import Device
from agent.kernelfile import device_path


@functools.cache
def disk_name(device: Device, sysfs: str = "/sys/dev/block") -> str:
    """ "vda"; "254:0" where it has no name here (no more)."""
    path = device_path(sysfs, device)
    # None: it is gone meanwhile, or /sys is not to be seen.
    return f"{device.major}:{device.minor}" if path is None else path.removeprefix("/dev/")
