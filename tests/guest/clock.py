"""How fast this machine's time stamp counter runs.

An emulated guest reads the host's counter, and finds out its rate by waiting for an emulated timer.
On a busy host that wait is anything: a guest's clock was seen to run 4.6 times as fast as the
host's, and every time limit in it to be over that much too early. So the guest is told the rate.
"""

from __future__ import annotations

import ctypes
import mmap
import platform
import time
from collections.abc import Callable
from typing import Final

_RDTSC: Final = bytes.fromhex("0f3148c1e2204809d0c3")  # rdtsc; shl rdx,32; or rax,rdx; ret
_SECONDS: Final = 0.2
_TRIES: Final = 20


def counter_khz() -> int | None:
    """The counter's ticks a millisecond; None where this machine has none."""
    if platform.machine() != "x86_64":
        return None
    with mmap.mmap(
        -1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC
    ) as page:
        page.write(_RDTSC)
        code = ctypes.c_char.from_buffer(page)
        try:
            read = ctypes.CFUNCTYPE(ctypes.c_uint64)(ctypes.addressof(code))
            first = _together(read)
            time.sleep(_SECONDS)
            second = _together(read)
        finally:
            del code  # or the page cannot be given back
    return round((second[0] - first[0]) * 1_000_000 / (second[1] - first[1]))


def _together(read: Callable[[], int]) -> tuple[int, int]:
    """The counter and the clock in nanoseconds, read with nothing in between."""
    best = (0, 0)
    closest = 1 << 63
    for _ in range(_TRIES):
        before = time.monotonic_ns()
        ticks = read()
        after = time.monotonic_ns()
        if after - before < closest:
            closest, best = after - before, (ticks, (before + after) // 2)
    return best
