"""The probe "page_cache": pages that reads ask the page cache for, and those they miss.

    probes/page_cache.bpf.c   the programs, and why their figure is one
    page_cache_counts.py      what they count

The programs run at every read of a file: loaded and left detached, rounds.py opens their windows
where it is on.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection
from typing import Final

from agent.bpf import syscall
from agent.bpf.page_cache_counts import CGROUP, COUNTS, PageCacheCounts, decode_page_cache
from agent.bpf.probe import Kind, Maps
from agent.bpf.probeset import ProbeSet, Program
from agent.bpf.reading import Reading


def _prepare(maps: Maps) -> None:
    shift = os.sysconf("SC_PAGESIZE").bit_length() - 1
    syscall.update(maps.fd("shift"), bytes(4), shift.to_bytes(8, sys.byteorder))


def read(maps: Maps) -> Reading[PageCacheCounts]:
    """Read all counters."""
    reading = decode_page_cache(maps.batches("cache"), maps.features)
    return Reading(reading.cgroups, reading.zero, {"cache": maps.total("drops")})


def forget(maps: Maps, ids: Collection[int]) -> None:
    """Remove what was counted in cgroups that are gone."""
    maps.delete_cgroups("cache", ids)


PAGE_CACHE: Final = Kind(
    programs=ProbeSet(
        name="page_cache",
        programs=(
            Program(
                name="on_add",
                feature="added",
                tracepoint="mm_filemap_add_to_page_cache",
                first_argument="struct folio *",
            ),
            Program(
                name="on_dirty",
                feature="created",
                tracepoint="writeback_dirty_folio",
                first_argument="struct folio *",
            ),
            # Not before Linux 6.12 or so: without it there is no ratio.
            Program(
                name="on_read",
                feature="reads",
                tracepoint="mm_filemap_get_pages",
                first_argument="struct address_space *",
            ),
        ),
        maps=("cache", "doing", "shift", "drops"),
        per_cgroup={"cache": 1},
    ),
    counts=PageCacheCounts,
    read=read,
    forget=forget,
    layout={"cache": (CGROUP.size, COUNTS.size), "shift": (4, 8)},
    prepare=_prepare,
    windowed=True,
    cost=lambda counts: 100e-9 * ((counts.asked or 0) + (counts.added or 0)),
    default=False,
)
