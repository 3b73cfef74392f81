"""memory.stat, memory.events, memory.swap.events: what memory is used for, what its limits did.

Docs    https://docs.kernel.org/admin-guide/cgroup-v2.html#memory-interface-files
Units   sizes in bytes; pg*, workingset_* and events are counts that only rise.

memory.events.local has the keys of memory.events and counts this cgroup alone: which of several
limits, the container's or its pod's, was hit. memory.oom.group is 0 or 1.

memory.current, .peak, .swap.current are single numbers; .max, .swap.max, .low, .min are a number or
"max" (`kernelfile.parse_count`, `kernelfile.parse_limit`).
"""

from __future__ import annotations

from agent.cgroupfs.flat import FlatKeys
from agent.records import NamedTuple


class MemoryStat(NamedTuple):
    """The keys of memory.stat we use. A key this kernel leaves out is None."""

    anon: int | None = None
    file: int | None = None
    """Page cache, including tmpfs and shared memory."""
    kernel: int | None = None
    """Since Linux kernel commit a8c49af3be5f ("memcg: add per-memcg total kernel memory stat") (in
    v5.18). v1: memory.kmem.usage_in_bytes."""
    shmem: int | None = None
    file_mapped: int | None = None
    file_dirty: int | None = None
    file_writeback: int | None = None
    inactive_anon: int | None = None
    active_anon: int | None = None
    inactive_file: int | None = None
    active_file: int | None = None
    unevictable: int | None = None
    slab_reclaimable: int | None = None
    slab_unreclaimable: int | None = None
    sock: int | None = None
    pgfault: int | None = None
    pgmajfault: int | None = None
    pgscan: int | None = None
    pgsteal: int | None = None
    workingset_refault_anon: int | None = None
    workingset_refault_file: int | None = None
    kernel_stack: int | None = None
    pagetables: int | None = None
    anon_thp: int | None = None
    """Anonymous memory in transparent huge pages. v1: rss_huge."""
    swapcached: int | None = None
    zswap: int | None = None
    """What compressed swap takes in RAM; memory.zswap.current is the same number."""
    zswapped: int | None = None
    """What it holds, uncompressed."""
    pgscan_kswapd: int | None = None
    pgscan_direct: int | None = None
    """Pages looked at by a task that had to free memory before it could go on."""
    pswpin: int | None = None
    """Since Linux kernel commit 15ff4d409e1a ("mm/memcontrol: add per-memcg pgpgin/pswpin counter")
    (in v6.13)."""
    pswpout: int | None = None
    workingset_activate_anon: int | None = None
    workingset_activate_file: int | None = None
    workingset_restore_anon: int | None = None
    workingset_restore_file: int | None = None


class MemoryEvents(NamedTuple):
    """memory.events: hierarchical counts, this cgroup and all below it. Absent keys are None."""

    low: int | None = None
    high: int | None = None
    max: int | None = None
    """How often usage was about to go over memory.max."""
    oom: int | None = None
    oom_kill: int | None = None
    """Processes killed by the OOM killer."""
    oom_group_kill: int | None = None
    """How often all of the cgroup was killed at once (memory.oom.group). Since Linux kernel commit
    b6bf9abb0aa4 ("mm/memcg: Add oom_group_kill memory event") (in v5.17)."""


class SwapEvents(NamedTuple):
    """memory.swap.events: hierarchical counts. Absent keys are None."""

    high: int | None = None
    max: int | None = None
    """How often usage was about to go over memory.swap.max."""
    fail: int | None = None
    """How often no swap was given, for that limit or because the host had none left."""


_STAT = FlatKeys(MemoryStat._fields)
_EVENTS = FlatKeys(MemoryEvents._fields)
_SWAP_EVENTS = FlatKeys(SwapEvents._fields)


def parse_memory_stat(text: str) -> MemoryStat:
    """Parse memory.stat. Keys we do not use, and those of newer kernels, are skipped."""
    return MemoryStat._make(_STAT.pick(text))


def parse_memory_events(text: str) -> MemoryEvents:
    """Parse memory.events or memory.events.local."""
    return MemoryEvents._make(_EVENTS.pick(text))


def parse_swap_events(text: str) -> SwapEvents:
    """Parse memory.swap.events."""
    return SwapEvents._make(_SWAP_EVENTS.pick(text))
