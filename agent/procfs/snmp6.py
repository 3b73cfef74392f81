"""/proc/PID/net/snmp6: what IPv6 of that network namespace counted.

Docs    net/ipv6/proc.c (the file), RFC 4293 (Ip6, Icmp6) and RFC 4113 (Udp6)
Units   counts that only rise.

    Ip6InReceives                   	1204
    Udp6InDatagrams                 	17

One name a line. The file is not there where IPv6 is switched off in the kernel (ipv6.disable=1).
TCP is not in it: /proc/PID/net/snmp has both versions together.
"""

from __future__ import annotations

from agent.kernelfile import UnexpectedText
from agent.records import NamedTuple


class Ip6Counters(NamedTuple):
    """The part of snmp6 we use. A name this kernel leaves out is None."""

    ip_in_discards: int | None = None
    """Received and dropped though nothing was wrong with them, for want of memory."""
    ip_out_discards: int | None = None
    ip_in_no_routes: int | None = None
    ip_out_no_routes: int | None = None
    icmp_in_errors: int | None = None
    icmp_in_dest_unreachs: int | None = None
    icmp_in_pkt_too_bigs: int | None = None
    """A path takes smaller packets than were sent: filtered, these make connections hang."""
    udp_in_datagrams: int | None = None
    udp_no_ports: int | None = None
    udp_in_errors: int | None = None
    udp_out_datagrams: int | None = None
    udp_rcvbuf_errors: int | None = None
    udp_sndbuf_errors: int | None = None


_NAMES = (
    *("Ip6InDiscards", "Ip6OutDiscards", "Ip6InNoRoutes", "Ip6OutNoRoutes"),
    *("Icmp6InErrors", "Icmp6InDestUnreachs", "Icmp6InPktTooBigs"),
    *("Udp6InDatagrams", "Udp6NoPorts", "Udp6InErrors", "Udp6OutDatagrams"),
    *("Udp6RcvbufErrors", "Udp6SndbufErrors"),
)


def parse_snmp6(text: str) -> Ip6Counters:
    """Parse net/snmp6. Names we do not use, and those of newer kernels, are skipped."""
    found: dict[str, int] = {}
    for line in text.splitlines():
        name, _, value = line.partition("\t")
        name = name.rstrip()
        if name in _NAMES:
            try:
                found[name] = int(value)
            except ValueError:
                raise UnexpectedText(line) from None
    return Ip6Counters._make(found.get(name) for name in _NAMES)
