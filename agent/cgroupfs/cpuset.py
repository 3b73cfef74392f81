"""cpuset.cpus.effective and cpuset.mems.effective: which CPUs and memory nodes may be used.

Docs    https://docs.kernel.org/admin-guide/cgroup-v2.html#cpuset-interface-files
        https://docs.kernel.org/core-api/kernel-api.html (bitmap_parselist: the list format)
Units   CPU and NUMA node numbers.

    0-4,6,8-10

An empty file means none of its own yet. v1 calls them cpuset.effective_cpus and .effective_mems.
"""

from __future__ import annotations

from agent.kernelfile import UnexpectedText


def parse_list_count(text: str) -> int:
    """Return how many numbers the list holds: 9 for the one above."""
    count = 0
    for part in filter(None, text.strip().split(",")):
        first, dash, last = part.partition("-")
        try:
            low = int(first)
            count += (int(last) if dash else low) - low + 1
        except ValueError:
            raise UnexpectedText(text) from None
    return count
