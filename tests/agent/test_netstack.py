"""agent.netstack: which files of a namespace are read when, over a /proc of the test's own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent.kernelfile import ABSENT
from agent.netstack import QUIET_FOR, STATES_EVERY, NetworkStack, NetworkStacks
from agent.procfs.net_tcp import TcpStates, UdpSockets
from agent.procfs.snmp import TcpCounters, TcpExt, UdpCounters
from agent.procfs.snmp6 import Ip6Counters
from agent.procfs.sockstat import Sockstat, Sockstat6

HEAD = "  sl  local_address rem_address   st\n"
LISTENING = "   0: 0100007F:83F9 00000000:0000 0A 0:0 0:0 0 0 0 1 1 0 0\n"
UNCONNECTED = "   0: 0100007F:83F9 00000000:0000 07 0:10 0:0 0 0 0 1 1 0 5\n"
EVERYTHING = ("netstat", "advtcp", "tcp", "udp")


class Namespace:
    """The files of /proc/PID/net, and which of them were opened."""

    def __init__(self, proc: Path, pid: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path = proc / str(pid) / "net"
        self.path.mkdir(parents=True)
        self.opened: list[str] = []
        self.now = 1000.0
        self.tcp(segments=10, retransmitted=1)
        self.write(
            netstat="TcpExt: ListenOverflows ListenDrops\nTcpExt: 4 5\n",
            tcp=HEAD + LISTENING,
            tcp6=HEAD,
            udp=HEAD + UNCONNECTED,
            udp6=HEAD,
        )
        self.sockets()
        real = os.open

        def noted(path: str, flags: int) -> int:
            if str(path).startswith(str(self.path)):
                self.opened.append(os.path.basename(path))
            return real(path, flags)

        monkeypatch.setattr(os, "open", noted)

    def clock(self) -> float:
        return self.now

    def write(self, **texts: str) -> None:
        for name, text in texts.items():
            (self.path / name).write_text(text)

    def tcp(self, segments: int, retransmitted: int) -> None:
        self.write(
            snmp=f"Tcp: InSegs RetransSegs\nTcp: {segments} {retransmitted}\nUdp: NoPorts\nUdp: 3\n"
        )

    def sockets(self, tcp: int = 1, waiting: int = 0, tcp6: int = 0, udp: int = 1) -> None:
        self.write(
            sockstat=f"sockets: used 9\nTCP: inuse {tcp} orphan 7 tw {waiting} alloc 70 mem 7\n"
            f"UDP: inuse {udp} mem 7\n",
            sockstat6=f"TCP6: inuse {tcp6}\nUDP6: inuse 0\n",
        )

    def take_opened(self) -> list[str]:
        opened, self.opened = self.opened, []
        return sorted(opened)


@pytest.fixture
def namespace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Namespace:
    return Namespace(tmp_path, 100, monkeypatch)


def stacks(namespace: Namespace, *groups: str) -> NetworkStacks:
    return NetworkStacks(str(namespace.path.parent.parent), groups, namespace.clock)


def read(reader: NetworkStacks, pid: int = 100) -> NetworkStack:
    reading = reader.read({1: pid})
    assert reading.failures == ()
    return reading.stacks[1]


def test_every_file_fills_its_part(namespace: Namespace) -> None:
    stack = read(stacks(namespace, *EVERYTHING))
    assert stack.tcp == TcpCounters(in_segs=10, retrans_segs=1)
    assert stack.udp == UdpCounters(no_ports=3)
    assert stack.tcp_ext == TcpExt(4, 5)
    assert stack.sockets == Sockstat(9, 1, 0, 1)
    assert stack.sockets6 == Sockstat6(0, 0)
    assert stack.advanced == {
        "insegs": 10,
        "retranssegs": 1,
        "listenoverflows": 4,
        "listendrops": 5,
    }
    assert stack.states is not None
    assert stack.states.read_at == 1000.0
    assert stack.states.tcp == TcpStates(listen=1)
    assert stack.states.udp == UdpSockets(listen=1, dropped=5, rxqueued=16)


def test_without_a_group_that_needs_it_nothing_is_opened(namespace: Namespace) -> None:
    assert stacks(namespace, "cpu", "network").read({1: 100}).stacks == {}
    assert namespace.take_opened() == []


def test_netstat_is_left_alone_while_tcp_stands_still(namespace: Namespace) -> None:
    reader = stacks(namespace, "netstat")
    read(reader)
    assert namespace.take_opened() == ["netstat", "snmp", "sockstat", "sockstat6"]
    namespace.write(netstat="TcpExt: ListenOverflows ListenDrops\nTcpExt: 6 7\n")
    assert read(reader).tcp_ext == TcpExt(4, 5)
    assert namespace.take_opened() == ["snmp", "sockstat", "sockstat6"]
    namespace.tcp(segments=11, retransmitted=1)
    assert read(reader).tcp_ext == TcpExt(6, 7)


def test_a_quiet_namespace_is_read_all_the_same_after_a_while(namespace: Namespace) -> None:
    reader = stacks(namespace, "netstat")
    read(reader)
    namespace.take_opened()
    namespace.sockets(tcp=2)
    stack = reader.read({1: 100}, quiet={1}).stacks[1]
    assert stack.sockets == Sockstat(9, 1, 0, 1)
    assert namespace.take_opened() == []
    namespace.now += QUIET_FOR
    stack = reader.read({1: 100}, quiet={1}).stacks[1]
    assert stack.sockets == Sockstat(9, 2, 0, 1)
    assert namespace.take_opened() == ["snmp", "sockstat", "sockstat6"]


def test_what_could_not_be_read_is_tried_at_the_next_tick_though_it_is_quiet(
    namespace: Namespace,
) -> None:
    reader = stacks(namespace, "netstat")
    namespace.write(snmp="Tcp: InSegs\n")
    assert len(reader.read({1: 100}, quiet={1}).failures) == 1
    namespace.tcp(segments=12, retransmitted=0)
    reading = reader.read({1: 100}, quiet={1})
    assert reading.failures == ()
    assert reading.stacks[1].tcp == TcpCounters(in_segs=12, retrans_segs=0)


def test_states_are_walked_once_a_minute_and_keep_their_age(namespace: Namespace) -> None:
    reader = stacks(namespace, "tcp")
    read(reader)
    assert namespace.take_opened() == ["sockstat", "sockstat6", "tcp"]
    namespace.write(tcp=HEAD + LISTENING * 2)
    namespace.sockets(tcp=2)
    namespace.now += STATES_EVERY - 1
    states = read(reader).states
    assert states is not None
    assert (states.read_at, states.tcp) == (1000.0, TcpStates(listen=1))
    namespace.now += 1
    states = read(reader).states
    assert states is not None
    assert (states.read_at, states.tcp) == (1060.0, TcpStates(listen=2))


def test_a_namespace_without_sockets_has_none_in_any_state_and_is_not_walked(
    namespace: Namespace,
) -> None:
    namespace.sockets(tcp=0, udp=0)
    states = read(stacks(namespace, "tcp", "udp")).states
    assert states is not None
    assert states.tcp == states.tcp6 == TcpStates()
    assert states.udp == states.udp6 == UdpSockets()
    assert namespace.take_opened() == ["sockstat", "sockstat6"]


def test_connections_in_time_wait_are_enough_to_walk(namespace: Namespace) -> None:
    namespace.sockets(tcp=0, waiting=1, udp=0)
    read(stacks(namespace, "tcp"))
    assert namespace.take_opened() == ["sockstat", "sockstat6", "tcp", "tcp6"]


def test_a_namespace_with_too_many_sockets_is_said_and_not_zero(namespace: Namespace) -> None:
    namespace.sockets(tcp=1_000_000)
    reader = stacks(namespace, "tcp")
    reading = reader.read({1: 100})
    states = reading.stacks[1].states
    assert states is not None
    assert states.tcp is None
    assert states.tcp6 == TcpStates()
    assert "1000000 sockets" in reading.failures[0]
    assert reader.read({1: 100}).failures == ()  # said when it was due, not each tick


def test_where_sockstat_is_missing_states_are_unknown(namespace: Namespace) -> None:
    (namespace.path / "sockstat").unlink()
    states = read(stacks(namespace, "tcp")).states
    assert states is not None
    assert states.tcp is None


def test_a_process_that_ended_leaves_nothing_known(namespace: Namespace) -> None:
    stack = read(stacks(namespace, "netstat"), pid=101)
    assert stack == NetworkStack()


def test_another_owner_has_nothing_of_the_last_one(namespace: Namespace) -> None:
    reader = stacks(namespace, "tcp")
    read(reader)
    namespace.now += 1
    reading = reader.read({2: 100})
    assert list(reading.stacks) == [2]
    states = reading.stacks[2].states
    assert states is not None
    assert states.read_at == 1001.0


def test_a_damaged_or_refused_file_is_a_failure_and_costs_its_part(
    namespace: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    namespace.write(snmp="Tcp: InSegs\n")
    real = os.open

    def refusing(path: str, flags: int) -> int:
        if path.endswith("/sockstat"):
            raise PermissionError(13, "Permission denied", path)
        return real(path, flags)

    monkeypatch.setattr(os, "open", refusing)
    reading = stacks(namespace, "netstat").read({1: 100})
    assert 13 not in ABSENT
    assert len(reading.failures) == 2
    assert reading.stacks[1].tcp is None
    assert reading.stacks[1].sockets is None
    assert reading.stacks[1].tcp_ext == TcpExt(4, 5)


def test_ipv6_reads_its_file_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    namespace = Namespace(tmp_path, 7, monkeypatch)
    stacks = NetworkStacks(str(tmp_path), ["ipv6"], namespace.clock)
    # A kernel without IPv6 has no such file: nothing is known, and nothing is wrong.
    reading = stacks.read({1: 7})
    assert (reading.stacks[1].ip6, reading.failures) == (None, ())
    namespace.write(snmp6="Udp6NoPorts\t7\n")
    namespace.opened.clear()
    found = stacks.read({1: 7}).stacks[1]
    assert found == NetworkStack(ip6=Ip6Counters(udp_no_ports=7))
    assert namespace.opened == ["snmp6"]
