"""What TCP and UDP of one network namespace counted, read through a process in it.

    net/snmp, netstat, sockstat, sockstat6,
    snmp6 where its group is on              each tick in which a packet moved, else by `QUIET_FOR`;
                                             150 us together on Linux 6.18, of which netstat is 90
                                             (it adds up 150 counters over all CPUs)
    net/tcp, tcp6, udp, udp6                 by `Pace`, 2 ms each for the first two, and only where
                                             sockstat says that there are sockets

netstat is left alone while the namespace's Tcp counters stand still: none of the TcpExt counters
taken here rises without a segment or a retransmission, which those count.

In a namespace whose interfaces counted nothing since the last tick, loopback included, no segment
and no datagram came or went. What can change there without one is told up to `QUIET_FOR` late: that
a socket was opened or closed, and what a firewall dropped before it reached an interface.

Nothing here is the machine's: see `procfs.sockstat` for the keys that are, and are not taken.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Final, TypeVar

from agent.faults import told
from agent.kernelfile import Denied, UnexpectedText, read, read_table
from agent.pacing import Pace
from agent.procfs.net_tcp import TcpStates, UdpSockets, parse_tcp_states, parse_udp_sockets
from agent.procfs.snmp import (
    TcpCounters,
    TcpExt,
    UdpCounters,
    parse_netstat,
    parse_snmp,
    parse_tcp_all,
)
from agent.procfs.snmp6 import Ip6Counters, parse_snmp6
from agent.procfs.sockstat import Sockstat, Sockstat6, parse_sockstat, parse_sockstat6
from agent.records import NamedTuple

T = TypeVar("T")

GROUPS: Final = frozenset({"netstat", "advtcp", "tcp", "udp", "ipv6"})
"""The groups of metrics that need any of this."""
QUIET_FOR: Final = 30.0
"""Seconds after which a namespace in which no packet moves is read all the same."""
STATES_EVERY: Final = 60.0
"""Seconds. States are looked at by people, and are dear."""
STATES_BUDGET: Final = 0.01
"""Seconds of one tick: 0.1% of a core at ten seconds, some 5 namespaces' IPv4 tables."""
MOST_SOCKETS: Final = 20_000
"""A namespace with more is not walked: its text is 3 MB, a tenth of a second to read and parse."""


class SocketStates(NamedTuple):
    """Sockets by state. None: not asked for, or not readable."""

    read_at: float
    """Monotonic seconds."""
    tcp: TcpStates | None = None
    tcp6: TcpStates | None = None
    udp: UdpSockets | None = None
    udp6: UdpSockets | None = None


class NetworkStack(NamedTuple):
    """One network namespace. None: not asked for, not there, or not readable."""

    tcp: TcpCounters | None = None
    udp: UdpCounters | None = None
    tcp_ext: TcpExt | None = None
    sockets: Sockstat | None = None
    sockets6: Sockstat6 | None = None
    advanced: Mapping[str, int] | None = None
    """Every Tcp and TcpExt counter, names in lower case."""
    states: SocketStates | None = None
    """Up to a minute old, or more on a host with many namespaces."""
    ip6: Ip6Counters | None = None


class StackReading(NamedTuple):
    """One tick, by owner."""

    stacks: dict[int, NetworkStack]
    failures: tuple[str, ...]


class NetworkStacks:
    """Reads the namespaces it is given each tick. Not thread-safe."""

    def __init__(
        self, proc: str, groups: Collection[str], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`groups` are the metric groups that are on; those not of `GROUPS` do not matter."""
        self._proc = proc
        self._groups = GROUPS & set(groups)
        self._clock = clock
        self._pace: Pace[int] = Pace(STATES_EVERY, STATES_BUDGET, clock)
        self._pids: Mapping[int, int] = {}
        self._last: dict[int, NetworkStack] = {}
        self._due: dict[int, float] = {}
        """Owner → when its namespace is read even if it is quiet."""
        self._failures: list[str] = []

    def read(self, pids: Mapping[int, int], quiet: Collection[int] = ()) -> StackReading:
        """
        Read each namespace through a process in it.

        `pids` is owner → pid. An owner is a number that is not used again, a cgroup's inode; a
        namespace's number is. `quiet` are the owners in whose namespace no packet moved since the
        last time.
        """
        if not self._groups:
            return StackReading({}, ())
        self._failures = []
        self._pids = pids
        now = self._clock()
        due = self._due
        self._due = {}
        last = self._last
        self._last = {}
        for owner, pid in pids.items():
            if owner in quiet and now < due.get(owner, 0.0):
                self._last[owner], self._due[owner] = last[owner], due[owner]
                continue
            before = len(self._failures)
            self._last[owner] = self._read(pid, last.get(owner, NetworkStack()))
            if len(self._failures) == before:
                # Not all in one tick: those of one tick spread over a quarter of the time.
                self._due[owner] = now + QUIET_FOR - owner % 8
        if not self._groups.isdisjoint(("tcp", "udp")):
            self._pace.run(self._last, self._walk)
        return StackReading(self._last, tuple(self._failures))

    def _read(self, pid: int, last: NetworkStack) -> NetworkStack:
        tcp, udp, tcp_ext, advanced = None, None, None, None
        if "netstat" in self._groups:
            tcp, udp = self._get(pid, "snmp", parse_snmp) or (None, None)
            if tcp is not None and tcp == last.tcp and last.tcp_ext is not None:
                tcp_ext = last.tcp_ext
            else:
                tcp_ext = self._get(pid, "netstat", parse_netstat)
        if "advtcp" in self._groups:
            basic = self._get(pid, "snmp", parse_tcp_all)
            extended = self._get(pid, "netstat", parse_tcp_all)
            advanced = None if basic is None or extended is None else basic | extended
        sockets = sockets6 = None
        ip6 = self._get(pid, "snmp6", parse_snmp6) if "ipv6" in self._groups else None
        if not self._groups.isdisjoint(("netstat", "tcp", "udp")):
            sockets = self._get(pid, "sockstat", parse_sockstat)
            sockets6 = self._get(pid, "sockstat6", parse_sockstat6)
        return NetworkStack(tcp, udp, tcp_ext, sockets, sockets6, advanced, last.states, ip6)

    def _walk(self, owner: int) -> Iterator[None]:
        """Count one namespace's sockets by state, a file a step."""
        stack = self._last[owner]
        sockets, sockets6 = stack.sockets or Sockstat(), stack.sockets6 or Sockstat6()
        tcp = tcp6 = udp = udp6 = None
        read_at = self._clock()
        if "tcp" in self._groups:
            # TIME_WAIT is counted for both versions together.
            waiting = sockets.tcp_tw
            tcp = self._count(owner, "tcp", sockets.tcp_inuse, waiting, parse_tcp_states)
            yield
            tcp6 = self._count(owner, "tcp6", sockets6.tcp_inuse, waiting, parse_tcp_states)
            yield
        if "udp" in self._groups:
            udp = self._count(owner, "udp", sockets.udp_inuse, 0, parse_udp_sockets)
            udp6 = self._count(owner, "udp6", sockets6.udp_inuse, 0, parse_udp_sockets)
        states = SocketStates(read_at, tcp, tcp6, udp, udp6)
        self._last[owner] = self._last[owner]._replace(states=states)

    def _count(
        self,
        owner: int,
        name: str,
        inuse: int | None,
        waiting: int | None,
        parse: Callable[[str], T],
    ) -> T | None:
        pid = self._pids.get(owner)
        if pid is None or inuse is None or waiting is None:
            return None
        if inuse + waiting == 0:
            return parse("")  # nothing to walk for: sockstat says there are none
        if inuse + waiting > MOST_SOCKETS:
            self._failures.append(
                f"{self._proc}/{pid}/net/{name}: {inuse + waiting} sockets are too many to walk"
            )
            return None
        return self._get(pid, name, parse, walks=True)

    def _get(
        self,
        pid: int,
        name: str,
        parse: Callable[[str], T],
        *,
        walks: bool = False,
    ) -> T | None:
        path = f"{self._proc}/{pid}/net/{name}"
        try:
            return read_table(path, parse) if walks else read(path, parse)
        except (Denied, OSError, UnexpectedText) as error:
            self._failures.append(told(error))
            return None
