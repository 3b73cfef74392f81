"""The C allocator of a process with a few threads that mostly wait for each other: one arena.

glibc gives each thread an arena of its own, up to eight a core, none of which gives its memory to
another: with our seven threads 4 MB more. The interpreter lets one of them run at a time, so that
they do not wait for the one arena.
"""

from __future__ import annotations

import ctypes
from typing import Final

_ARENA_MAX: Final = -8
"""mallopt(3): M_ARENA_MAX."""


def keep_one_arena() -> bool:
    """Ask for it, before threads are started. False where the C library has no such thing."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and mallopt(_ARENA_MAX, 1) == 1
