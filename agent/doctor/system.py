"""What else is asked of the system: whether the clock is set, and whether a socket answers."""

from __future__ import annotations

import ctypes
import os
import socket
import stat
import struct
from collections.abc import Callable, Iterable
from typing import Final

from agent.doctor.facts import Access

_TIMEX: Final = 208
"""Bytes of struct timex (include/uapi/linux/timex.h) where long has 64 bits."""
_STATUS: Final = struct.Struct("@iqqqqi")
"""Its first fields: modes, offset, freq, maxerror, esterror, status."""
_UNSYNCHRONISED: Final = 0x0040
_PATIENCE: Final = 1.0
"""Seconds a socket has to take a connection."""


def clock_is_set(
    adjtimex: Callable[[ctypes.Array[ctypes.c_char]], int] | None = None,
) -> bool | None:
    """
    Whether something keeps the clock right (adjtimex(2), which changes nothing with modes 0).

    None: it may not be asked here.
    """
    if struct.calcsize("l") != 8:
        return None
    buffer = ctypes.create_string_buffer(_TIMEX)
    try:
        ask = ctypes.CDLL(None).adjtimex if adjtimex is None else adjtimex
    except (OSError, AttributeError):
        return None
    if ask(buffer) < 0:
        return None
    *_, status = _STATUS.unpack_from(buffer)
    return not status & _UNSYNCHRONISED


def sockets(paths: Iterable[str]) -> tuple[Access, ...]:
    """Those of the paths that are there, and whether they take a connection from this process."""
    return tuple(found for path in paths if (found := _socket(path)).exists)


def _socket(path: str) -> Access:
    try:
        if not stat.S_ISSOCK(os.stat(path).st_mode):
            return Access(path=path, exists=True, problem="is no socket")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as asking:
            asking.settimeout(_PATIENCE)
            asking.connect(path)
    except FileNotFoundError:
        return Access(path=path, exists=False)
    except OSError as error:
        return Access(path=path, exists=True, problem=error.strerror or str(error))
    return Access(path=path, exists=True)
