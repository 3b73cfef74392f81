"""Bytes of the probe "cgroups" -> counts, and events. Pure.

The layout is stated in probes/cgroups.h; a test compares it. Integers are in this machine's byte
order.
"""

from __future__ import annotations

import struct
from collections.abc import Collection
from typing import Final

from agent.bpf.cgroup_news import CgroupChange, CgroupEvent, ProcessEnded
from agent.bpf.entries import Batches, UnexpectedRecord, entries
from agent.bpf.reading import Reading
from agent.records import NamedTuple

KEY: Final = struct.Struct("=QII")
"""struct cgroups_key: cgroup, what, 0."""
VALUE: Final = struct.Struct("=Q")
MADE, REMOVED = 1, 2
"""enum cgroups_what."""
HEAD: Final = struct.Struct("=Q4I")
"""struct cgroup_event without its path: cgroup, what, hierarchy, pid, status."""
PATH_BYTES: Final = 384
ENDED: Final = 3


def decode_event(record: bytes) -> CgroupEvent:
    """One record of map "events"."""
    if len(record) not in (HEAD.size, HEAD.size + PATH_BYTES):
        raise UnexpectedRecord(f"an event of a cgroup of {len(record)} bytes")
    cgroup, what, hierarchy, pid, status = HEAD.unpack_from(record)
    if what == ENDED:
        return ProcessEnded(pid, status, cgroup)
    if what not in (MADE, REMOVED):
        raise UnexpectedRecord(f"event {what} of a cgroup")
    raw, _, _ = record[HEAD.size :].partition(b"\0")
    # As long as there is room: its end is not known.
    path = "" if len(raw) >= PATH_BYTES - 1 else raw.decode("utf-8", "surrogateescape")
    return CgroupChange(what == MADE, hierarchy, path, cgroup)


class CgroupsCounts(NamedTuple):
    """
    Cgroups directly below one cgroup of the cgroup2 hierarchy, since the probe was opened.

    None: not counted here.
    """

    made: int | None
    removed: int | None


def decode_cgroups(batches: Batches, features: Collection[str]) -> Reading[CgroupsCounts]:
    """Decode map "counts". `features`: which of made, removed are counted."""
    zero = CgroupsCounts(*(0 if name in features else None for name in ("made", "removed")))
    found: dict[int, CgroupsCounts] = {}
    for (cgroup, what, _), (number,) in entries(batches, KEY, VALUE):
        of = found.get(cgroup, zero)
        if what == MADE:
            found[cgroup] = of._replace(made=number)
        elif what == REMOVED:
            found[cgroup] = of._replace(removed=number)
        else:
            raise UnexpectedRecord(f"event {what} of a cgroup")
    return Reading(found, zero)
