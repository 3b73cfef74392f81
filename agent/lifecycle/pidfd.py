"""A process' end, seen through a pidfd: when, and with which status, without being its parent.

    readable   the whole process ended; it may still be a zombie
    POLLHUP    its parent has taken it away (Linux 6.9 and newer)

Where the status stands:
    zombie     /proc/PID/stat, field 52, for whoever may ptrace the process
    reaped     ioctl PIDFD_GET_INFO, since Linux kernel commit 7477d7dce48a ("pidfs: allow to
               retrieve exit information") (in v6.15): only for a pidfd opened before the end

Docs    https://man7.org/linux/man-pages/man2/pidfd_open.2.html
        include/uapi/linux/pidfd.h: struct pidfd_info
"""

from __future__ import annotations

import fcntl
import struct
from typing import Final

from agent.kernelfile import Denied, read
from agent.procfs.credentials import parse_credentials

_INFO: Final = struct.Struct("=QQ11Ii")
"""struct pidfd_info, its first published size: mask, cgroup id, pid … fsgid, exit_code."""
_GET_INFO: Final = (3 << 30) | (_INFO.size << 16) | (0xFF << 8) | 11
_INFO_EXIT: Final = 1 << 3
_CAP_SYS_PTRACE: Final = 19


def status_of_reaped(fd: int) -> int | None:
    """The wait(2) status of an ended, reaped process; None where the kernel does not say."""
    buffer = bytearray(_INFO.size)
    struct.pack_into("=Q", buffer, 0, _INFO_EXIT)
    try:
        fcntl.ioctl(fd, _GET_INFO, buffer)
    except OSError:
        # ENOTTY, EINVAL: older kernel. ESRCH: reaped, and its status was not kept.
        return None
    mask, *_, status = _INFO.unpack(buffer)
    return status if mask & _INFO_EXIT else None


def status_of_zombie(proc: str, pid: int) -> int | None:
    """
    The wait(2) status of an ended process that is not reaped yet; None while it runs, and after.

    0 also where the reader may not know it, see `may_ptrace`.
    """
    try:
        return read(f"{proc}/{pid}/stat", parse_zombie_status)
    except Denied:
        return None


def may_ptrace(proc: str) -> bool:
    """Whether this process has CAP_SYS_PTRACE, and so the exit codes of others' zombies."""
    own = read(f"{proc}/self/status", parse_credentials)
    return own is not None and bool(own.effective >> _CAP_SYS_PTRACE & 1)


def parse_zombie_status(text: str) -> int | None:
    """Field 52 of /proc/PID/stat; None unless the process is a zombie or dead."""
    fields = text.rpartition(")")[2].split()
    return int(fields[49]) if len(fields) >= 50 and fields[0] in ("Z", "X") else None
