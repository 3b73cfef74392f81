"""Bytes of the bytes probe's maps -> dataclasses. Pure.

The layout is stated in probes/bytes.h; a test compares it with this file.
"""

from __future__ import annotations

import struct
from typing import Final

from agent.bpf.entries import Batches, entries
from agent.records import dataclass

CGROUP: Final = struct.Struct("=Q")
COUNTS: Final = struct.Struct("=4Q")
"""struct bytes_counts."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """
    What sockets of one cgroup (not below it) received and sent since the probe was opened.

    From the IP header on, so without Ethernet's. What the network card splits or joins counts as
    its packets, with one header of all of them.
    """

    received_bytes: int
    received_packets: int
    sent_bytes: int
    sent_packets: int


NOTHING: Final = Traffic(0, 0, 0, 0)


def decode_bytes(batches: Batches, cpus: int) -> dict[int, Traffic]:
    """
    Cgroup id -> traffic, only of cgroups that had some.

    `batches`: keys of map "bytes" one after the other, and their values, one for each of `cpus`.
    """
    per_key = struct.Struct(f"={4 * cpus}Q")
    decoded: dict[int, Traffic] = {}
    for (cgroup,), counters in entries(batches, CGROUP, per_key):
        decoded[cgroup] = Traffic(*(sum(counters[i::4]) for i in range(4)))
    return decoded
