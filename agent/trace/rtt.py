"""`agent trace --rtt`: how long others take to answer a container, by peer. Pure: functions of two
readings of the probe "rtt".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, TypedDict

from agent.bpf.addition import add_up, subtract
from agent.bpf.rtt_counts import NO_TRIPS, RttCounts, Trips
from agent.trace.buckets import human_ns, human_quantile, quantile_seconds
from agent.trace.text import columns

Peers = Mapping[str, Trips]
"""Address -> its round trips."""

_PEER_COLUMNS: Final = 39
"""The longest IPv6 address."""


class PeerRow(TypedDict):
    """One peer, for JSON. Seconds."""

    peer: str
    segments: int
    average_seconds: float
    p50_seconds: float | None
    p90_seconds: float | None
    p99_seconds: float | None


def together(cgroups: Iterable[RttCounts]) -> Peers:
    """The sum over a container's cgroups."""
    return add_up(cgroups, RttCounts()).peers


def since(new: Peers, old: Peers) -> Peers:
    """What arrived between two readings."""
    changed = {peer: subtract(trips, old.get(peer, NO_TRIPS)) for peer, trips in new.items()}
    return {peer: trips for peer, trips in changed.items() if trips.segments}


def headline(peers: Peers, seconds: float) -> str:
    """ "1204 segments/s, round trip 120us on average"."""
    segments = sum(trips.segments for trips in peers.values())
    ns = sum(trips.ns for trips in peers.values())
    average = f"round trip {human_ns(ns / segments)} on average" if segments else "no round trip"
    return f"{segments / seconds:.0f} segments/s, {average}"


def table(peers: Peers, most: int | None = None) -> list[str]:
    """The slowest first, at most `most` of them."""
    ordered = sorted(peers.items(), key=lambda item: (-item[1].ns / item[1].segments, item[0]))
    return columns(
        (f"{'PEER':<{_PEER_COLUMNS}}", "SEGMENTS", "  AVG", "  P50", "  P90", "  P99", ""),
        [
            (
                peer,
                str(trips.segments),
                human_ns(trips.ns / trips.segments),
                *(human_quantile(trips.buckets, part) for part in (0.5, 0.9, 0.99)),
                "",
            )
            for peer, trips in ordered[:most]
        ],
    )


def rows(peers: Peers) -> list[PeerRow]:
    """All, by address."""
    return [
        PeerRow(
            peer=peer,
            segments=trips.segments,
            average_seconds=trips.ns / trips.segments / 1e9,
            p50_seconds=quantile_seconds(trips.buckets, 0.5),
            p90_seconds=quantile_seconds(trips.buckets, 0.9),
            p99_seconds=quantile_seconds(trips.buckets, 0.99),
        )
        for peer, trips in sorted(peers.items())
    ]
