"""hugetlb.<size>.*: huge pages from the reserved pools, by page size.

Docs    https://docs.kernel.org/admin-guide/cgroup-v2.html#hugetlb-interface-files
        https://docs.kernel.org/admin-guide/cgroup-v1/hugetlb.html
Units   bytes; `events_max` is a count that only rises.

    v2                      v1
    hugetlb.2MB.current     hugetlb.2MB.usage_in_bytes         in use
    hugetlb.2MB.max         hugetlb.2MB.limit_in_bytes         "max", or 2^63 and a little less
    hugetlb.2MB.events      hugetlb.2MB.failcnt                "max 0": refused because of the limit
    hugetlb.2MB.rsvd.current  hugetlb.2MB.rsvd.usage_in_bytes  promised to mappings
                            hugetlb.2MB.max_usage_in_bytes     most ever in use

The sizes are the machine's, so the rows are made from the list of them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from typing import Any, Final

from agent.cgroupfs.pids import parse_pids_events
from agent.cgroupfs.reading import HugePages
from agent.cgroupfs.v1 import parse_bytes_limit
from agent.cgroupfs.v2 import Row
from agent.kernelfile import ABSENT, parse_count, parse_limit

_V2: Final[tuple[tuple[str, Callable[[str], object]], ...]] = (
    ("current", parse_count),
    ("max", parse_limit),
    ("events", parse_pids_events),  # the same one line, "max 0"
    ("rsvd.current", parse_count),
)
_V1: Final[tuple[tuple[str, Callable[[str], object]], ...]] = (
    ("usage_in_bytes", parse_count),
    ("limit_in_bytes", parse_bytes_limit),
    ("failcnt", parse_count),
    ("rsvd.usage_in_bytes", parse_count),
    ("max_usage_in_bytes", parse_count),
)
_DIRECTORY = re.compile(r"hugepages-(\d+)kB")


def page_sizes(directory: str) -> tuple[str, ...]:
    """
    Return the huge page sizes of this machine, the smallest first, as the file names have them.

    `directory` is /sys/kernel/mm/hugepages; () where there is none. Raises OSError.
    """
    try:
        names = os.listdir(directory)
    except OSError as error:
        if error.errno not in ABSENT:
            raise
        return ()
    found = (_DIRECTORY.fullmatch(name) for name in names)
    return tuple(_name(size) for size in sorted(int(match[1]) for match in found if match))


def v1_rows(sizes: Sequence[str]) -> tuple[Row, ...]:
    """v1's files of every size."""
    return _rows(sizes, _V1)


def v2_rows(sizes: Sequence[str]) -> tuple[Row, ...]:
    """v2's files of every size."""
    return _rows(sizes, _V2)


def huge_pages(
    sizes: Sequence[str], v1_values: Sequence[Any], v2_values: Sequence[Any]
) -> tuple[HugePages, ...] | None:
    """Make the sizes' numbers of what the rows read; None if none of the files is there."""
    pages = []
    for index, size in enumerate(sizes):
        for values, files in ((v1_values, len(_V1)), (v2_values, len(_V2))):
            said = values[index * files : (index + 1) * files]
            if any(value is not None for value in said):
                pages.append(HugePages(size, *said))
                break
    return tuple(pages) or None


def _rows(
    sizes: Sequence[str], files: Sequence[tuple[str, Callable[[str], object]]]
) -> tuple[Row, ...]:
    return tuple(
        Row("hugetlb", "hugetlb", (f"hugetlb.{size}.{name}",), parse, "hugetlb")
        for size in sizes
        for name, parse in files
    )


def _name(kib: int) -> str:
    """mem_fmt() of mm/hugetlb_cgroup.c."""
    if kib >= 1 << 20:
        return f"{kib >> 20}GB"
    return f"{kib >> 10}MB" if kib >= 1 << 10 else f"{kib}KB"
