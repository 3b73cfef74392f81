"""Bytes of the probe "page_cache" -> counts. Pure.

The layout is stated in probes/page_cache.h; a test compares it. Integers are in this machine's byte
order.
"""

from __future__ import annotations

import struct
from collections.abc import Collection
from typing import Final

from agent.bpf.entries import Batches, entries
from agent.bpf.reading import Reading
from agent.records import dataclass

CGROUP: Final = struct.Struct("=Q")
COUNTS: Final = struct.Struct("=4Q")
"""struct page_cache_counts: asked, missed, added, created."""


@dataclass(frozen=True, slots=True)
class PageCacheCounts:
    """Pages of files, of one cgroup's tasks, that windows saw. None: not counted here."""

    asked: int | None
    """That reads asked for. Not what is mapped, nor direct I/O."""
    missed: int | None
    """Of these, those the same task had put into the cache, for this read or ahead of it."""
    added: int | None
    """Put into the cache: by reads, ahead of them, by faults of what is mapped, and by writes."""
    created: int | None
    """Of these, by writes that needed nothing read."""


def decode_page_cache(batches: Batches, features: Collection[str]) -> Reading[PageCacheCounts]:
    """Decode map "cache". `features`: which of added, created, reads are counted."""
    features = frozenset(features)
    reads = {"added", "reads"} <= features
    created = {"added", "created"} <= features

    def counts(asked: int, missed: int, added: int, made: int) -> PageCacheCounts:
        return PageCacheCounts(
            asked=asked if "reads" in features else None,
            missed=missed if reads else None,
            added=added if "added" in features else None,
            created=made if created else None,
        )

    found: dict[int, PageCacheCounts] = {}
    for (cgroup,), numbers in entries(batches, CGROUP, COUNTS):
        found[cgroup] = counts(*numbers)
    return Reading(found, counts(0, 0, 0, 0))
