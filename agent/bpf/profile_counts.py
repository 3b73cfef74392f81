"""Bytes of the profile probe's maps -> dataclasses. Pure.

The layout is stated in probes/profile.h; a test compares it with this file.
"""

from __future__ import annotations

import struct
from typing import Final

from agent.bpf.entries import Batches, entries
from agent.records import NamedTuple

KEY: Final = struct.Struct("=Q")
VALUE: Final = struct.Struct("=QQ")
"""struct profile_counts: user, kernel."""


class ProfileCounts(NamedTuple):
    """Samples of one cgroup (not below it) since the probe was opened."""

    user: int
    kernel: int


def decode_profile(batches: Batches) -> dict[int, ProfileCounts]:
    """Decode map "counts": keys one after the other, and their values."""
    found: dict[int, ProfileCounts] = {}
    for (cgroup,), counts in entries(batches, KEY, VALUE):
        found[cgroup] = ProfileCounts._make(counts)
    return found
