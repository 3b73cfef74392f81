"""/proc/PID/net/{tcp,tcp6,udp,udp6}: every socket of that network namespace, with its state.

Docs    https://docs.kernel.org/networking/proc_net_tcp.html; net/ipv4/tcp_ipv4.c, net/ipv4/udp.c
Units   queues in bytes, drops in datagrams.

      sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid …
       0: 00000000:07E8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0 …

Dear: for the tcp files the kernel walks the whole machine's table of connections, however few this
namespace has; 2 ms with 262,144 buckets (24 GiB of memory), and again for every read at their end.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from agent.kernelfile import UnexpectedText
from agent.records import NamedTuple


class TcpStates(NamedTuple):
    """Sockets by state, in the order of include/net/tcp_states.h."""

    established: int = 0
    synsent: int = 0
    synrecv: int = 0
    finwait1: int = 0
    finwait2: int = 0
    timewait: int = 0
    close: int = 0
    closewait: int = 0
    lastack: int = 0
    listen: int = 0
    closing: int = 0


class UdpSockets(NamedTuple):
    """All UDP sockets together."""

    listen: int = 0
    """Sockets without a peer, that anybody may send to (state 07)."""
    dropped: int = 0
    """Datagrams dropped by the sockets that are open now."""
    rxqueued: int = 0
    txqueued: int = 0


_UNCONNECTED: Final = "07"


def parse_tcp_states(text: str) -> TcpStates:
    """Parse net/tcp or net/tcp6. A state from a newer kernel is not counted."""
    lines = text.split("\n")[1:]
    try:
        counts = Counter(line.split(None, 4)[3] for line in lines if line)
        states = {int(state, 16): count for state, count in counts.items()}
    except (IndexError, ValueError):
        raise UnexpectedText(text) from None
    return TcpStates._make(states.get(number, 0) for number in range(1, 12))


def parse_udp_sockets(text: str) -> UdpSockets:
    """Parse net/udp or net/udp6."""
    listen = dropped = received = sent = 0
    for line in text.split("\n")[1:]:
        if not line:
            continue
        words = line.split()
        try:
            tx_queue, rx_queue = words[4].split(":")
            listen += words[3] == _UNCONNECTED
            sent += int(tx_queue, 16)
            received += int(rx_queue, 16)
            dropped += int(words[12])
        except (IndexError, ValueError):
            raise UnexpectedText(line) from None
    return UdpSockets(listen, dropped, received, sent)
