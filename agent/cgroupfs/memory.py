"""memory.stat and memory.events: what the memory is used for, and what the limit did.

Docs    https://docs.kernel.org/admin-guide/cgroup-v2.html#memory-interface-files
Units   sizes in bytes; pg*, workingset_* and events are counts that only rise.

memory.current, .peak, .swap.current are single numbers; .max, .swap.max, .low, .min are a number or
"max" (`kernelfile.parse_count`, `kernelfile.parse_limit`).
"""

from __future__ import annotations

from typing import NamedTuple

from agent.cgroupfs.flat import parse_flat
from agent.kernelfile import UnexpectedText


class MemoryStat(NamedTuple):
    """The keys of memory.stat we use. A key this kernel leaves out is None."""

    anon: int | None = None
    file: int | None = None
    """Page cache, including tmpfs and shared memory."""
    kernel: int | None = None
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


def parse_memory_stat(text: str) -> MemoryStat:
    """Parse memory.stat. Keys we do not use, and those of newer kernels, are skipped."""
    pairs = dict(line.partition(" ")[::2] for line in text.splitlines())
    get = pairs.get
    try:
        return MemoryStat._make(
            None if (value := get(key)) is None else int(value) for key in MemoryStat._fields
        )
    except ValueError:
        raise UnexpectedText(text) from None


def parse_memory_events(text: str) -> MemoryEvents:
    """Parse memory.events or memory.events.local."""
    values = parse_flat(text)
    return MemoryEvents._make(values.get(key) for key in MemoryEvents._fields)
