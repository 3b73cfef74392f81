"""/proc/PID/net/sockstat and sockstat6: how many sockets that network namespace has.

Docs    https://man7.org/linux/man-pages/man5/proc_net.5.html; net/ipv4/proc.c, net/ipv6/proc.c

    sockets: used 31
    TCP: inuse 3 orphan 0 tw 2 alloc 3 mem 90
    UDP: inuse 0 mem 0

    TCP6: inuse 0
    UDP6: inuse 0

`used`, `inuse` and `tw` are the namespace's own (`used` since Linux kernel commit 648845ab7e20
("sock: Move the socket inuse to namespace.") (in v4.16)). `orphan`, `alloc` and `mem` are the whole
machine's, whichever namespace is asked, and are not taken.
"""

from __future__ import annotations

from agent.kernelfile import UnexpectedText
from agent.records import NamedTuple


class Sockstat(NamedTuple):
    """net/sockstat. What this kernel leaves out is None."""

    used: int | None = None
    """Sockets of every family."""
    tcp_inuse: int | None = None
    """IPv4, listening ones too; those in TIME_WAIT are none any more."""
    tcp_tw: int | None = None
    """Connections in TIME_WAIT, IPv4 and IPv6."""
    udp_inuse: int | None = None


class Sockstat6(NamedTuple):
    """net/sockstat6. None where IPv6 is off."""

    tcp_inuse: int | None = None
    udp_inuse: int | None = None


def parse_sockstat(text: str) -> Sockstat:
    """Parse net/sockstat. Lines of other protocols are skipped."""
    sockets: dict[str, int] = {}
    tcp: dict[str, int] = {}
    udp: dict[str, int] = {}
    for line in text.split("\n"):
        if line.startswith("sockets:"):
            sockets = _numbers(line)
        elif line.startswith("TCP:"):
            tcp = _numbers(line)
        elif line.startswith("UDP:"):
            udp = _numbers(line)
    return Sockstat(sockets.get("used"), tcp.get("inuse"), tcp.get("tw"), udp.get("inuse"))


def parse_sockstat6(text: str) -> Sockstat6:
    """Parse net/sockstat6. Lines of other protocols are skipped."""
    tcp: dict[str, int] = {}
    udp: dict[str, int] = {}
    for line in text.split("\n"):
        if line.startswith("TCP6:"):
            tcp = _numbers(line)
        elif line.startswith("UDP6:"):
            udp = _numbers(line)
    return Sockstat6(tcp.get("inuse"), udp.get("inuse"))


def _numbers(line: str) -> dict[str, int]:
    words = line.split()[1:]
    try:
        return dict(zip(words[::2], map(int, words[1::2]), strict=True))
    except ValueError:
        raise UnexpectedText(line) from None
