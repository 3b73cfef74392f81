"""The block_io probe: latency, bytes and errors of requests to block devices, by cgroup.

    probes/block_io.bpf.c   the programs; probes/block_io.h the layout, which a test compares

A request is charged to the cgroup of its bio, as io.stat's numbers are: buffered writes to who
dirtied the pages (cgroup v2), swap to who owns the memory. On cgroup v1 the cgroup is one of the
blkio hierarchy, and buffered writes are the root's. Where one device stands on another (loop,
dm-crypt) both have requests of their own, and both count.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from agent.bpf.decode import UnexpectedRecord
from agent.bpf.durations import NONE, SLOTS, Durations
from agent.bpf.probe import Kind, Maps, Reading
from agent.bpf.probeset import ProbeSet, Program

OPS: Final = ("read", "write", "discard", "other")
"""enum block_io_op."""
KEY: Final = struct.Struct("=QII")
"""struct block_io_key: cgroup, op, 0."""
COUNTS: Final = struct.Struct(f"={2 + SLOTS + 1}Q")
"""struct block_io_counts: bytes, errors, latency."""
_FULL, _UNMATCHED = 0, 1  # enum block_io_drop

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
            name="on_complete",
            feature="latency",
            tracepoint="block_rq_complete",
            first_argument="struct request *",
        ),
    ),
    maps=("counts", "started", "drops"),
    per_cgroup={"counts": 2},
)


@dataclass(frozen=True, slots=True)
class OpCounts:
    """Requests of one kind that ended. Only rises."""

    bytes: int
    errors: int
    """Requests that failed."""
    latency: Durations
    """From being sent to the device to the end. Its total is the number of requests."""


NO_OPS: Final = OpCounts(0, 0, NONE)


@dataclass(frozen=True, slots=True)
class BlockIoCounts:
    """What one cgroup (not below it) asked of block devices since the probe was opened."""

    ops: Mapping[str, OpCounts]
    """By `OPS`; only those there were."""


def decode_block_io(batches: Iterable[tuple[bytes, bytes]]) -> dict[int, BlockIoCounts]:
    """Decode map "counts": keys one after the other, and their values."""
    ops: dict[int, dict[str, OpCounts]] = {}
    for keys, values in batches:
        count, left = divmod(len(keys), KEY.size)
        if left or len(values) != count * COUNTS.size:
            raise UnexpectedRecord(f"{len(keys)} bytes of keys with {len(values)} bytes of values")
        for (cgroup, op, _), (transferred, errors, *latency) in zip(
            KEY.iter_unpack(keys), COUNTS.iter_unpack(values), strict=True
        ):
            if op >= len(OPS):
                raise UnexpectedRecord(f"operation {op}")
            ops.setdefault(cgroup, {})[OPS[op]] = OpCounts(
                transferred, errors, Durations(tuple(latency[:SLOTS]), latency[SLOTS])
            )
    return {cgroup: BlockIoCounts(each) for cgroup, each in ops.items()}


def read(maps: Maps) -> Reading[BlockIoCounts]:
    """Read all counters."""
    return Reading(
        decode_block_io(maps.batches("counts")),
        BlockIoCounts({}),
        {"counts": maps.total("drops", _FULL), "started": maps.total("drops", _UNMATCHED)},
    )


def forget(maps: Maps, ids: Collection[int]) -> None:
    """Remove what was counted in cgroups that are gone."""
    maps.delete_cgroups("counts", ids)


BLOCK_IO: Final = Kind(
    programs=PROGRAMS,
    counts=BlockIoCounts,
    read=read,
    forget=forget,
    layout={"counts": (KEY.size, COUNTS.size)},
    hierarchy="blkio",
)
