"""Bytes of the tcp probe's maps -> dataclasses. Pure.

The layout is stated in probes/tcp.h; a test compares it with this file.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Mapping
from typing import Final

from agent.bpf.durations import SLOTS, Durations
from agent.bpf.entries import Batches, entries
from agent.records import dataclass

CGROUP: Final = struct.Struct("=Q")
_PLAIN: Final = 13
"""Counters before the two histograms."""
_TIMES: Final = SLOTS + 1
COUNTS: Final = struct.Struct(f"={_PLAIN + 2 * _TIMES}Q")
"""struct tcp_counts."""

FAILURES: Final = ("refused", "timed_out", "unreachable", "given_up", "other")
"""enum tcp_failure."""


@dataclass(frozen=True, slots=True)
class TcpCounts:
    """
    What TCP did for the sockets of one cgroup (not below it) since the probe was opened.

    A socket belongs to the cgroup of the process that made it; an accepted one to its listener's.

    None: the program that counts it does not run here, see `Probe.off`.
    """

    connects: int | None
    """Connections this side opened."""
    accepts: int | None
    """Connections the other side opened."""
    failures: Mapping[str, int] | None
    """Attempts to connect that failed, by `FAILURES`."""
    resets_sent: int | None
    """By a socket. None of a port where nobody listens: no socket, and so no cgroup, sends it."""
    resets_received: int | None
    retransmits: int | None
    """Segments sent again, SYN and SYN-ACK among them."""
    bytes_sent: int | None
    """Payload of sockets that are closed, retransmissions included."""
    bytes_retransmitted: int | None
    """Of these, what was sent again."""
    bytes_received: int | None
    """Payload of sockets that are closed, each byte once."""
    connect_latency: Durations | None
    """From the first SYN to the connection."""
    rtt: Durations | None
    """The smoothed round trip of each connection when it was closed."""


def nothing(features: Collection[str]) -> TcpCounts:
    """The counts of a cgroup where nothing happened. `features`: see `decode_tcp`."""
    return _counts((0,) * (COUNTS.size // 8), features)


def decode_tcp(batches: Batches, features: Collection[str]) -> dict[int, TcpCounts]:
    """
    Cgroup id -> counts, only of cgroups where something happened.

    `batches`: keys of map "tcp" one after the other, and their values. `features`: which of
    connections, retransmits, resets_sent and resets_received are counted.
    """
    decoded: dict[int, TcpCounts] = {}
    for (cgroup,), counters in entries(batches, CGROUP, COUNTS):
        decoded[cgroup] = _counts(counters, features)
    return decoded


def _counts(counters: tuple[int, ...], features: Collection[str]) -> TcpCounts:
    connects, accepts, *rest = counters[:_PLAIN]
    failures, (reset, got_reset, again, sent, sent_again, received) = (
        rest[: len(FAILURES)],
        rest[len(FAILURES) :],
    )
    *connect, connect_ns = counters[_PLAIN : _PLAIN + _TIMES]
    *rtt, rtt_ns = counters[_PLAIN + _TIMES :]
    connections = "connections" in features
    return TcpCounts(
        connects=connects if connections else None,
        accepts=accepts if connections else None,
        failures=dict(zip(FAILURES, failures, strict=True)) if connections else None,
        resets_sent=reset if "resets_sent" in features else None,
        resets_received=got_reset if "resets_received" in features else None,
        retransmits=again if "retransmits" in features else None,
        bytes_sent=sent if connections else None,
        bytes_retransmitted=sent_again if connections else None,
        bytes_received=received if connections else None,
        connect_latency=Durations(tuple(connect), connect_ns) if connections else None,
        rtt=Durations(tuple(rtt), rtt_ns) if connections else None,
    )
