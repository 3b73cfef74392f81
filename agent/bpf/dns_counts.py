"""Bytes of the dns probe's maps -> dataclasses. Pure.

The layout is stated in probes/dns.h; a test compares it with this file.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Final

from agent.bpf.durations import NONE, SLOTS, Durations
from agent.bpf.entries import Batches, entries
from agent.records import dataclass

CGROUP: Final = struct.Struct("=Q")
QUESTION: Final = struct.Struct("=QII")
"""struct dns_question: socket, id, zero."""
ASKED: Final = struct.Struct("=QQ")
"""struct dns_asked: cgroup, began_ns."""
CODES: Final = 16
COUNTS: Final = struct.Struct(f"={3 + CODES + SLOTS}Q")
"""struct dns_counts."""

RCODES: Final = {
    0: "NOERROR",
    1: "FORMERR",
    2: "SERVFAIL",
    3: "NXDOMAIN",
    4: "NOTIMP",
    5: "REFUSED",
}
"""RFC 1035, 4.1.1, in the words of dig. The others are told by their number."""


@dataclass(frozen=True, slots=True)
class DnsCounts:
    """What sockets of one cgroup (not below it) asked by UDP since the probe was opened."""

    queries: int
    """Those sent again not among them."""
    retries: int
    """The same question by the same socket again, before an answer."""
    responses: Mapping[str, int]
    """Answers to those queries, by `RCODES`; only those that came."""
    timeouts: int
    """Queries without an answer for `dns.TIMEOUT` seconds."""
    latency: Durations
    """From the first time a query was sent to its answer."""


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A query that waits for its answer."""

    key: bytes
    cgroup: int
    began_ns: int
    """CLOCK_MONOTONIC."""


NOTHING: Final = DnsCounts(0, 0, {}, 0, NONE)


def decode_dns(batches: Batches, timeouts: Mapping[int, int]) -> dict[int, DnsCounts]:
    """
    Map "dns": cgroup id -> counts, only of cgroups that asked.

    `timeouts`: of map "timeouts", which may have a cgroup that "dns" has not, or not any more.
    """
    decoded = {
        cgroup: DnsCounts(0, 0, {}, count, NONE) for cgroup, count in timeouts.items() if count
    }
    for (cgroup,), counters in entries(batches, CGROUP, COUNTS):
        queries, retries = counters[:2]
        codes = enumerate(counters[2 : 2 + CODES])
        *slots, ns = counters[2 + CODES :]
        decoded[cgroup] = DnsCounts(
            queries,
            retries,
            {RCODES.get(code, str(code)): count for code, count in codes if count},
            timeouts.get(cgroup, 0),
            Durations(tuple(slots), ns),
        )
    return decoded


def decode_timeouts(batches: Batches) -> dict[int, int]:
    """Map "timeouts": cgroup id -> queries."""
    return {cgroup: count for (cgroup,), (count,) in entries(batches, CGROUP, CGROUP)}


def decode_waiting(batches: Batches) -> list[Unanswered]:
    """Map "waiting"."""
    return [
        Unanswered(QUESTION.pack(*question), cgroup, began_ns)
        for question, (cgroup, began_ns) in entries(batches, QUESTION, ASKED)
    ]
