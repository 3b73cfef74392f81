"""memory.stat and memory.events: what the memory is used for, and what the limit did.

Docs    https://docs.kernel.org/admin-guide/cgroup-v2.html#memory-interface-files
Units   sizes in bytes; pg*, workingset_* and events are counts that only rise.

memory.current, .peak, .swap.current are single numbers; .max, .swap.max, .low, .min are a number or
"max" (`kernelfile.parse_count`, `kernelfile.parse_limit`).
"""

from __future__ import annotations

from typing import NamedTuple

from agent.cgroupfs.flat import FlatKeys


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


class MemoryEvents(NamedTuple):
    """memory.events: hierarchical counts, this cgroup and all below it. Absent keys are None."""

    low: int | None = None
    high: int | None = None
    max: int | None = None
    """How often usage was about to go over memory.max."""
    oom: int | None = None
    oom_kill: int | None = None
    """Processes killed by the OOM killer."""


_STAT = FlatKeys(MemoryStat._fields)
_EVENTS = FlatKeys(MemoryEvents._fields)


def parse_memory_stat(text: str) -> MemoryStat:
    """Parse memory.stat. Keys we do not use, and those of newer kernels, are skipped."""
    return MemoryStat._make(_STAT.pick(text))


def parse_memory_events(text: str) -> MemoryEvents:
    """Parse memory.events or memory.events.local."""
    return MemoryEvents._make(_EVENTS.pick(text))
