"""Bytes of the profile probe's maps -> dataclasses. Pure.

The layout is stated in probes/profile.h; a test compares it with this file.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Final

from agent.bpf.decode import UnexpectedRecord
from agent.records import NamedTuple

KEY: Final = struct.Struct("=Q")
VALUE: Final = struct.Struct("=QQ")
"""struct profile_counts: user, kernel."""


class ProfileCounts(NamedTuple):
    """Samples of one cgroup (not below it) since the probe was opened."""

    user: int
    kernel: int


def decode_profile(batches: Iterable[tuple[bytes, bytes]]) -> dict[int, ProfileCounts]:
    """Decode map "counts": keys one after the other, and their values."""
    found: dict[int, ProfileCounts] = {}
    for keys, values in batches:
        count, left = divmod(len(keys), KEY.size)
        if left or len(values) != count * VALUE.size:
            raise UnexpectedRecord(f"{len(keys)} bytes of keys with {len(values)} bytes of values")
        for (cgroup,), counts in zip(KEY.iter_unpack(keys), VALUE.iter_unpack(values), strict=True):
            found[cgroup] = ProfileCounts._make(counts)
    return found
