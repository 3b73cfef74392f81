"""Bytes of the tcp probe's maps -> dataclasses. Pure.

The layout is stated in probes/tcp.h; a test compares it with this file.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from agent.bpf.decode import UnexpectedRecord
from agent.bpf.durations import NONE, SLOTS, Durations

CGROUP: Final = struct.Struct("=Q")
COUNTS: Final = struct.Struct(f"={15 + 2 * SLOTS}Q")
"""struct tcp_counts."""

FAILURES: Final = ("refused", "timed_out", "unreachable", "given_up", "other")
"""enum tcp_failure."""


@dataclass(frozen=True, slots=True)
class TcpCounts:
    """
    What TCP did for the sockets of one cgroup (not below it) since the probe was opened.

    A socket belongs to the cgroup of the process that made it; an accepted one to its listener's.
    """

    connects: int
    """Connections this side opened."""
    accepts: int
    """Connections the other side opened."""
    failures: Mapping[str, int]
    """Attempts to connect that failed, by `FAILURES`."""
    resets_sent: int
    """By a socket. None of a port where nobody listens: no socket, and so no cgroup, sends it."""
    resets_received: int
    retransmits: int
    """Segments sent again, SYN and SYN-ACK among them."""
    bytes_sent: int
    """Payload of sockets that are closed, retransmissions included."""
    bytes_retransmitted: int
    """Of these, what was sent again."""
    bytes_received: int
    """Payload of sockets that are closed, each byte once."""
    connect_latency: Durations
    """From the first SYN to the connection."""
    rtt: Durations
    """The smoothed round trip of each connection when it was closed."""


ZERO: Final = TcpCounts(0, 0, dict.fromkeys(FAILURES, 0), 0, 0, 0, 0, 0, 0, NONE, NONE)


def decode_tcp(batches: Iterable[tuple[bytes, bytes]]) -> dict[int, TcpCounts]:
    """
    Cgroup id -> counts, only of cgroups where something happened. Id 0: no socket was there.

    `batches`: keys of map "tcp" one after the other, and their values.
    """
    decoded: dict[int, TcpCounts] = {}
    for keys, values in batches:
        count, left = divmod(len(keys), CGROUP.size)
        if left or len(values) != count * COUNTS.size:
            raise UnexpectedRecord(f"{len(keys)} bytes of keys with {len(values)} bytes of values")
        for (cgroup,), counters in zip(
            CGROUP.iter_unpack(keys), COUNTS.iter_unpack(values), strict=True
        ):
            decoded[cgroup] = _counts(counters)
    return decoded


def _counts(counters: tuple[int, ...]) -> TcpCounts:
    connects, accepts, *rest = counters[:15]
    failures, (reset, got_reset, again, sent, sent_again, received, connect_ns, rtt_ns) = (
        rest[: len(FAILURES)],
        rest[len(FAILURES) :],
    )
    return TcpCounts(
        connects,
        accepts,
        dict(zip(FAILURES, failures, strict=True)),
        reset,
        got_reset,
        again,
        sent,
        sent_again,
        received,
        Durations(counters[15 : 15 + SLOTS], connect_ns),
        Durations(counters[15 + SLOTS :], rtt_ns),
    )
