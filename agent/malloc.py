"""The C allocator of a process that works for a moment, a few seconds apart.

One arena: glibc gives each thread one of its own, up to eight a core, none of which gives its
memory to another: with our seven threads 4 MB more. The interpreter lets one of them run at a time,
so that they do not wait for the one arena.

Between two pages, what one needed is the system's again. It lies between what stays, where glibc by
itself gives nothing back.
"""

from __future__ import annotations

import ctypes
from typing import Final

_ARENA_MAX: Final = -8
"""mallopt(3): M_ARENA_MAX."""
_trim: Final = getattr(ctypes.CDLL(None), "malloc_trim", None)


def give_back() -> None:
    """Return free memory to the system (malloc_trim(3)), where the C library can."""
    if _trim is not None:
        _trim(0)


def keep_one_arena() -> bool:
    """Ask for it, before threads are started. False where the C library has no such thing."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and mallopt(_ARENA_MAX, 1) == 1
