"""What a block device is called, by its number.

/sys/dev/block/254:0 -> ../../devices/…/block/vda
"""

from __future__ import annotations

import functools
import os

from agent.bpf.io_counts import Device


@functools.cache
def disk_name(device: Device, sysfs: str = "/sys/dev/block") -> str:
    """ "vda"; "254:0" where it has no name here (no more)."""
    number = f"{device.major}:{device.minor}"
    try:
        return os.path.basename(os.readlink(f"{sysfs}/{number}"))
    except OSError:
        return number  # gone meanwhile, or /sys is not to be seen
