"""Idle I/O priority for one thread: ioprio_set(2), which glibc has no function for.

By ctypes, which is loaded anyway, and not by psutil, which takes 2 MB for this one call.
"""

from __future__ import annotations

import ctypes
import os
from typing import Final

_NUMBERS: Final = {"x86_64": 251, "aarch64": 30, "riscv64": 30}
"""The system call, by machine."""
_WHO_PROCESS: Final = 1
_CALLER: Final = 0
_IDLE: Final = 3 << 13
"""IOPRIO_CLASS_IDLE, of which there is one level."""


def be_idle() -> None:
    """Let every other's I/O go before the calling thread's. Raises OSError where it may not be."""
    machine = os.uname().machine
    number = _NUMBERS.get(machine)
    if number is None:
        raise OSError(f"ioprio_set is not known on {machine}")
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(number, _WHO_PROCESS, _CALLER, _IDLE) < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), "ioprio_set")
