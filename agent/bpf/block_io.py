"""The block_io probe: latency, bytes and errors of requests to block devices, by cgroup.

    probes/block_io.bpf.c   the programs; probes/block_io.h the layout, which a test compares

A request is charged to the cgroup of its bio, as io.stat's numbers are: buffered writes to the
cgroup that dirtied the pages (v2), swap to the owner of the memory. On cgroup v1 it is one of the
blkio hierarchy, and buffered writes are the root's. Where one device stands on another (loop,
dm-crypt) both have requests of their own, and both count.

A request whose end is not seen is counted as dropped ("ends") when its place in the kernel's memory
is used again. That is where the kernel runs no BPF program for it: see docs/probes.md.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from agent.bpf.block_io_counts import COUNTS, KEY, BlockIoCounts, decode_block_io
from agent.bpf.probe import Kind, Maps
from agent.bpf.probeset import ProbeSet, Program
from agent.bpf.reading import Reading

_DROPS: Final = ("counts", "started", "ends")
"""enum block_io_drop."""

PROGRAMS: Final = ProbeSet(
    name="block_io",
    programs=(
        # Queue and request before Linux kernel commit a54895fa057c ("block: remove the
        # request_queue to argument request based tracepoints") (in v5.11).
        Program(
            name="on_issue",
            feature="latency",
            tracepoint="block_rq_issue",
            first_argument="struct request *",
        ),
        Program(
            name="on_requeue",
            feature="latency",
            tracepoint="block_rq_requeue",
            first_argument="struct request *",
        ),
        Program(
            name="on_complete",
            feature="latency",
            tracepoint="block_rq_complete",
            first_argument="struct request *",
        ),
    ),
    maps=("counts", "started", "drops"),
    per_cgroup={"counts": 2},
)


def read(maps: Maps) -> Reading[BlockIoCounts]:
    """Read all counters."""
    return Reading(
        decode_block_io(maps.batches("counts")),
        BlockIoCounts({}),
        {name: maps.total("drops", place) for place, name in enumerate(_DROPS)},
    )


def _prepare(maps: Maps) -> None:
    """Requests that were under way when it was detached have ended since, or who knows."""
    maps.delete("started", lambda _: True)


def forget(maps: Maps, ids: Collection[int]) -> None:
    """Remove what was counted in cgroups that are gone."""
    maps.delete_cgroups("counts", ids)


BLOCK_IO: Final = Kind(
    programs=PROGRAMS,
    counts=BlockIoCounts,
    read=read,
    forget=forget,
    layout={"counts": (KEY.size, COUNTS.size)},
    prepare=_prepare,
    hierarchy="blkio",
)
