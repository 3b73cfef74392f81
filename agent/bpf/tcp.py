"""The tcp probe: connections, failures, resets, retransmissions and bytes of each cgroup.

    probes/tcp.bpf.c  the programs
    tcp_counts.py     what they count

The programs run for a connection, not for a packet: connecting and closing, and what went wrong.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from agent.bpf.probe import Kind, Maps
from agent.bpf.probeset import ProbeSet, Program
from agent.bpf.reading import Reading
from agent.bpf.tcp_counts import CGROUP, COUNTS, TcpCounts, decode_tcp, nothing

_SOCKET: Final = "const struct sock *"

PROGRAMS: Final = ProbeSet(
    name="tcp",
    programs=(
        Program(
            name="on_state",
            feature="connections",
            tracepoint="inet_sock_set_state",
            first_argument=_SOCKET,
        ),
        # Linux kernel commit ad892e912b84 ("tcp: trace retransmit failures in tcp_retransmit_skb")
        # (in v6.17): this one passes an error too.
        Program(
            name="on_retransmit",
            feature="retransmits",
            tracepoint="tcp_retransmit_skb",
            first_argument=_SOCKET,
        ),
        Program(
            name="on_synack",
            feature="retransmits",
            tracepoint="tcp_retransmit_synack",
            first_argument=_SOCKET,
        ),
        Program(
            name="on_reset_sent",
            feature="resets_sent",
            tracepoint="tcp_send_reset",
            first_argument=_SOCKET,
        ),
        Program(
            name="on_reset_received",
            feature="resets_received",
            tracepoint="tcp_receive_reset",
            first_argument="struct sock *",
        ),
    ),
    maps=("tcp", "starting", "drops"),
    per_cgroup={"tcp": 1},
)


def read(maps: Maps) -> Reading[TcpCounts]:
    """Read all counters: a bpf(2) call for each 1024 cgroups."""
    return Reading(
        decode_tcp(maps.batches("tcp"), maps.features),
        nothing(maps.features),
        {"tcp": maps.total("drops", 0), "starting": maps.total("drops", 1)},
    )


def forget(maps: Maps, ids: Collection[int]) -> None:
    """
    Remove what was counted in cgroups that are gone.

    Their sockets may still close after it, and take entries again, which the next reading has.
    """
    maps.delete_cgroups("tcp", ids)


TCP: Final = Kind(
    programs=PROGRAMS,
    counts=TcpCounts,
    read=read,
    forget=forget,
    layout={"tcp": (CGROUP.size, COUNTS.size)},
)
