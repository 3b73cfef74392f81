"""/proc/PID/net/dev: counters of every interface in that process' network namespace.

Docs    net/core/net-procfs.c, dev_seq_printf_stats
Units   bytes, packets; all only rise.

    Inter-|   Receive                                                |  Transmit
     face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop …
      eth0: 1738906    1204    0    0    0     0          0         0   81392     905    0    0 …
"""

from __future__ import annotations

from agent.kernelfile import UnexpectedText
from agent.records import NamedTuple


class NetDev(NamedTuple):
    """One interface."""

    interface: str
    receive_bytes: int
    receive_packets: int
    receive_errors: int
    receive_drops: int
    transmit_bytes: int
    transmit_packets: int
    transmit_errors: int
    transmit_drops: int


def parse_net_dev(text: str) -> tuple[NetDev, ...]:
    """Parse the table; its two heading lines have no colon after the name."""
    interfaces = []
    # Not splitlines(): a container may put a character like U+2028 into an interface's name.
    for line in text.split("\n")[2:]:
        if not line:
            continue
        # Old kernels allow a colon in a name (eth0:1): the last one ends it.
        name, separator, numbers = line.rpartition(":")
        fields = numbers.split()
        try:
            if not separator:
                raise ValueError
            values = [int(field) for field in fields]
            interfaces.append(NetDev(name.strip(), *values[0:4], *values[8:12]))
        except (TypeError, ValueError):
            raise UnexpectedText(line) from None
    return tuple(interfaces)
