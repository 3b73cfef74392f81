"""Where the memory went and what freeing some cost: more of memory.stat than dashboards show."""

from __future__ import annotations

from agent.kernelfile import UNLIMITED
from agent.model import Sample
from exporters.prometheus.metric import Metric, counter, counters, field, gauge, key

_SIZES = (
    ("shmem", "shmem", "Shared memory and tmpfs, part of the page cache"),
    ("inactive_anon", "inactive_anon", "Anonymous memory not used of late"),
    ("active_anon", "active_anon", "Anonymous memory used of late"),
    ("unevictable", "unevictable", "Memory that cannot be freed, locked by mlock among it"),
    ("anon_huge_pages", "anon_thp", "Anonymous memory in transparent huge pages"),
    ("slab_reclaimable", "slab_reclaimable", "Kernel objects that can be freed, as dentries"),
    ("slab_unreclaimable", "slab_unreclaimable", "Kernel objects that cannot be freed"),
    ("kernel_stack", "kernel_stack", "Kernel stacks, one a thread"),
    ("page_tables", "pagetables", "Page tables"),
    ("network_buffers", "sock", "Buffers of sockets"),
    ("swap_cached", "swapcached", "Swapped memory that is also in memory again"),
    ("zswap", "zswap", "Memory that compressed swap takes"),
    ("zswapped", "zswapped", "Memory that is in compressed swap, before it was compressed"),
)
_COUNTS = (
    ("swapped_in_pages", "pswpin", "Pages read back from swap"),
    ("swapped_out_pages", "pswpout", "Pages written to swap"),
)


def zswap_limit(sample: Sample) -> int | None:
    """memory.zswap.max in bytes; None where it is not set."""
    found = sample.reading.memory_zswap_max
    return None if found is UNLIMITED else found


METRICS: tuple[Metric, ...] = (
    *(
        gauge(
            f"container_memory_{name}_bytes",
            f"memory.stat {key_}",
            f"{text}, in bytes.",
            key("memory_stat", key_),
        )
        for name, key_, text in _SIZES
    ),
    *(
        counter(
            f"container_memory_{name}_total",
            f"memory.stat {key_}",
            f"{text}.",
            key("memory_stat", key_),
        )
        for name, key_, text in _COUNTS
    ),
    counters(
        "container_memory_scanned_pages_total",
        "memory.stat pgscan_direct, pgscan_kswapd",
        "Pages looked at to free memory, by a task that had to wait for it (direct) or in the "
        "background (kswapd).",
        ((("by", "direct"),), key("memory_stat", "pgscan_direct")),
        ((("by", "kswapd"),), key("memory_stat", "pgscan_kswapd")),
    ),
    counters(
        "container_memory_workingset_activated_pages_total",
        "memory.stat workingset_activate_anon, workingset_activate_file",
        "Pages taken away and needed again so soon that they count as in use.",
        ((("kind", "anon"),), key("memory_stat", "workingset_activate_anon")),
        ((("kind", "file"),), key("memory_stat", "workingset_activate_file")),
    ),
    counters(
        "container_memory_workingset_restored_pages_total",
        "memory.stat workingset_restore_anon, workingset_restore_file",
        "Pages that were in use when they were taken away, and needed again soon after.",
        ((("kind", "anon"),), key("memory_stat", "workingset_restore_anon")),
        ((("kind", "file"),), key("memory_stat", "workingset_restore_file")),
    ),
    gauge(
        "container_memory_zswap_limit_bytes",
        "memory.zswap.max",
        "Limit of the memory compressed swap takes, in bytes; no series without a limit.",
        zswap_limit,
    ),
    gauge(
        "container_memory_oom_group",
        "memory.oom.group",
        "1 if an OOM kill takes every process of the container, 0 if it takes one.",
        field("memory_oom_group"),
    ),
)
