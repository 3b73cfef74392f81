"""`agent trace --cache`: what a container's reads find in the page cache, and what they miss. Pure:
functions of two readings of the probe "page_cache".
"""

from __future__ import annotations

from typing import TypedDict

from agent.bpf.page_cache_counts import PageCacheCounts
from agent.trace.text import columns


class CacheRow(TypedDict):
    """For JSON. Pages; null is not told."""

    asked: int | None
    missed: int | None
    hit_ratio: float | None
    """Null also where nothing was asked for."""
    added: int | None
    created: int | None


def hit_ratio(counts: PageCacheCounts) -> float | None:
    """Of the pages that reads asked for, how many were there; None where that is not known."""
    if not counts.asked or counts.missed is None:
        return None
    return 1 - counts.missed / counts.asked


def headline(counts: PageCacheCounts, seconds: float) -> str:
    """ "hit ratio 91.8%, 110 pages/s asked for"."""
    if counts.asked is None:
        if counts.added is None:
            return "not told by this kernel"
        return f"{counts.added / seconds:.0f} pages/s added to the cache"
    ratio = hit_ratio(counts)
    shown = "no hit ratio" if ratio is None else f"hit ratio {100 * ratio:.1f}%"
    return f"{shown}, {counts.asked / seconds:.0f} pages/s asked for"


def table(counts: PageCacheCounts, _most: int | None = None) -> list[str]:
    """What is told, a line each."""
    rows = [
        (words, str(number), "")
        for words, number in (
            ("asked for by reads", counts.asked),
            ("  of these missed", counts.missed),
            ("added to the cache", counts.added),
            ("  of these written, not read", counts.created),
        )
        if number is not None
    ]
    return columns(("PAGES", "COUNT", ""), rows)


def document(counts: PageCacheCounts) -> CacheRow:
    """All of it."""
    return CacheRow(
        asked=counts.asked,
        missed=counts.missed,
        hit_ratio=hit_ratio(counts),
        added=counts.added,
        created=counts.created,
    )
