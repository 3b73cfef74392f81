"""/proc/PID/net/snmp and /proc/PID/net/netstat: what TCP and UDP of that network namespace counted.

Docs    https://docs.kernel.org/networking/snmp_counter.html
        net/ipv4/proc.c (the files), RFC 4022 and RFC 4113 (Tcp and Udp)
Units   counts that only rise, but `curr_estab`, which is how many there are now.

    Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens …
    Tcp: 1 200 120000 -1 5693 …

Two lines a protocol, names and then numbers; new kernels put new names in the middle. Tcp counts
IPv4 and IPv6 together, Udp IPv4 alone. TcpExt is in netstat.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from agent.kernelfile import UnexpectedText
from agent.records import NamedTuple


class TcpCounters(NamedTuple):
    """The Tcp line of snmp. A name this kernel leaves out is None."""

    active_opens: int | None = None
    passive_opens: int | None = None
    attempt_fails: int | None = None
    """Connections that were never established."""
    estab_resets: int | None = None
    """Established ones that were reset."""
    curr_estab: int | None = None
    """ESTABLISHED and CLOSE_WAIT, now."""
    in_segs: int | None = None
    out_segs: int | None = None
    """Without those retransmitted."""
    retrans_segs: int | None = None
    in_errs: int | None = None
    out_rsts: int | None = None


class UdpCounters(NamedTuple):
    """The Udp line of snmp: IPv4."""

    in_datagrams: int | None = None
    no_ports: int | None = None
    """For a port nobody listened at."""
    in_errors: int | None = None
    """Received and not delivered; `rcvbuf_errors` are among them."""
    out_datagrams: int | None = None
    rcvbuf_errors: int | None = None
    """Dropped as the socket's receive buffer was full."""
    sndbuf_errors: int | None = None


class TcpExt(NamedTuple):
    """The part of netstat's TcpExt line we use."""

    listen_overflows: int | None = None
    """Connections refused as the listener's queue of accepted ones was full."""
    listen_drops: int | None = None
    """All that a listener dropped, the overflows among them."""
    timeouts: int | None = None
    """Retransmission timer ran out."""
    syn_retrans: int | None = None
    backlog_drops: int | None = None
    """Segments dropped as the socket's backlog was full."""


class _Line:
    """Picks some names out of one protocol's two lines, and remembers where they are."""

    def __init__(self, protocol: str, names: Sequence[str]) -> None:
        self._start = f"{protocol}: "
        self._names = tuple(names)
        self._heading = ""
        self._places: tuple[int | None, ...] = ()
        self._width = 0

    def pick(self, lines: list[str]) -> list[int | None] | None:
        """Return the numbers in the order of the names; None without such a protocol."""
        found = [line for line in lines if line.startswith(self._start)]
        if not found:
            return None
        heading, *numbers = found
        if heading != self._heading:
            words = heading.split()
            at = {name: index for index, name in enumerate(words)}
            self._places = tuple(at.get(name) for name in self._names)
            self._heading, self._width = heading, len(words)
        values = numbers[0].split() if len(numbers) == 1 else []
        if len(values) != self._width:
            raise UnexpectedText("\n".join(found))
        try:
            return [None if place is None else int(values[place]) for place in self._places]
        except ValueError:
            raise UnexpectedText(numbers[0]) from None


_TCP: Final = _Line(
    "Tcp",
    (
        "ActiveOpens",
        "PassiveOpens",
        "AttemptFails",
        "EstabResets",
        "CurrEstab",
        "InSegs",
        "OutSegs",
        "RetransSegs",
        "InErrs",
        "OutRsts",
    ),
)
_UDP: Final = _Line(
    "Udp", ("InDatagrams", "NoPorts", "InErrors", "OutDatagrams", "RcvbufErrors", "SndbufErrors")
)
_TCP_EXT: Final = _Line(
    "TcpExt", ("ListenOverflows", "ListenDrops", "TCPTimeouts", "TCPSynRetrans", "TCPBacklogDrop")
)


def parse_snmp(text: str) -> tuple[TcpCounters | None, UdpCounters | None]:
    """Parse net/snmp. None for a protocol that is not in it."""
    lines = text.split("\n")
    tcp, udp = _TCP.pick(lines), _UDP.pick(lines)
    return (
        None if tcp is None else TcpCounters._make(tcp),
        None if udp is None else UdpCounters._make(udp),
    )


def parse_netstat(text: str) -> TcpExt | None:
    """Parse net/netstat. None without a TcpExt line."""
    found = _TCP_EXT.pick(text.split("\n"))
    return None if found is None else TcpExt._make(found)


def parse_tcp_all(text: str) -> dict[str, int]:
    """Return every name of the Tcp line (snmp) or the TcpExt line (netstat), in lower case."""
    lines = [line for line in text.split("\n") if line.startswith(("Tcp: ", "TcpExt: "))]
    if not lines:
        return {}
    try:
        names, numbers = (line.split()[1:] for line in lines)
        return {name.lower(): int(number) for name, number in zip(names, numbers, strict=True)}
    except ValueError:
        raise UnexpectedText("\n".join(lines)) from None
