"""Bytes of the probe "rtt" -> counts. Pure.

The layout is stated in probes/rtt.h; a test compares it. Integers are in this machine's byte order,
addresses in the network's.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Mapping, Sequence
from typing import Final

from agent.bpf.addition import add
from agent.bpf.entries import Batches, UnexpectedRecord, entries
from agent.records import dataclass, field

BUCKETS: Final = 32
"""Of a round trip: bucket i holds 2^i <= nanoseconds < 2^(i+1), the last all above."""
KEY: Final = struct.Struct("=QII16s")
"""struct rtt_key: cgroup, family, 0, peer."""
COUNTS: Final = struct.Struct(f"={1 + BUCKETS}Q")
"""struct rtt_counts: ns, buckets."""
_INET, _INET6 = 2, 10


@dataclass(frozen=True, slots=True)
class Trips:
    """Round trips, one for each segment that arrived."""

    ns: int
    """All together."""
    buckets: Sequence[int]
    """See BUCKETS."""

    @property
    def segments(self) -> int:
        """How many."""
        return sum(self.buckets)


NO_TRIPS: Final = Trips(0, (0,) * BUCKETS)


@dataclass(frozen=True, slots=True)
class RttCounts:
    """Round trips of one cgroup's sockets that windows saw."""

    trips: Trips = NO_TRIPS
    """With all peers."""
    peers: Mapping[str, Trips] = field(default_factory=dict)
    """By address; only of cgroups it was asked for."""


def decode_rtt(batches: Batches) -> dict[int, RttCounts]:
    """Map "trips", by cgroup."""
    found: dict[int, RttCounts] = {}
    for (cgroup, family, _, peer), (ns, *buckets) in entries(batches, KEY, COUNTS):
        trips = Trips(ns, tuple(buckets))
        of = RttCounts(trips, {_address(family, peer): trips} if family else {})
        found[cgroup] = add(found[cgroup], of) if cgroup in found else of
    return found


def _address(family: int, peer: bytes) -> str:
    if family == _INET:
        return str(ipaddress.IPv4Address(peer[:4]))
    if family != _INET6:
        raise UnexpectedRecord(f"an address of family {family}")
    address = ipaddress.IPv6Address(peer)
    return str(address.ipv4_mapped or address)
