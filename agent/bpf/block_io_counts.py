"""Bytes of the block_io probe's maps -> dataclasses. Pure.

The layout is stated in probes/block_io.h; a test compares it with this file.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Final

from agent.bpf.durations import NONE, SLOTS, Durations
from agent.bpf.entries import Batches, UnexpectedRecord, entries
from agent.records import dataclass

OPS: Final = ("read", "write", "discard", "other")
"""enum block_io_op."""
KEY: Final = struct.Struct("=QII")
"""struct block_io_key: cgroup, op, 0."""
COUNTS: Final = struct.Struct(f"={2 + SLOTS + 1}Q")
"""struct block_io_counts: bytes, errors, latency."""


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


def decode_block_io(batches: Batches) -> dict[int, BlockIoCounts]:
    """Decode map "counts": keys one after the other, and their values."""
    ops: dict[int, dict[str, OpCounts]] = {}
    for (cgroup, op, _), (transferred, errors, *latency) in entries(batches, KEY, COUNTS):
        if op >= len(OPS):
            raise UnexpectedRecord(f"operation {op}")
        ops.setdefault(cgroup, {})[OPS[op]] = OpCounts(
            transferred, errors, Durations(tuple(latency[:SLOTS]), latency[SLOTS])
        )
    return {cgroup: BlockIoCounts(each) for cgroup, each in ops.items()}
