"""Have a cgroup v1 host count block I/O.

The throttling policy, which counts, starts for a disk when the first limit is set on it: Linux
kernel commit a3166c51702b ("blk-throttle: delay initialization until configuration") (in v6.10).
Before that, blkio.throttle.io_service_bytes says "Total 0" whatever is written.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

_BLKIO = Path("/sys/fs/cgroup/blkio")
_NO_HINDRANCE = 1 << 40
"""Bytes a second."""


def count_block_io() -> None:
    """Set a limit nothing reaches on every disk, in a cgroup of our own, and remove it again."""
    if not (_BLKIO / "blkio.throttle.read_bps_device").exists() or os.geteuid():
        return
    cgroup = _BLKIO / f"agent-test-{os.getpid()}"
    cgroup.mkdir()
    try:
        for device in Path("/sys/block").iterdir():
            with contextlib.suppress(OSError):  # a loop device without a file
                (cgroup / "blkio.throttle.read_bps_device").write_text(
                    f"{(device / 'dev').read_text().strip()} {_NO_HINDRANCE}"
                )
    finally:
        cgroup.rmdir()
