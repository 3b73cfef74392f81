"""Texts of Linux 6.18, the long lines cut at their ends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.kernelfile import UnexpectedText
from agent.procfs.snmp import (
    TcpCounters,
    TcpExt,
    UdpCounters,
    parse_netstat,
    parse_snmp,
    parse_tcp_all,
)

SNMP = """\
Ip: Forwarding DefaultTTL InReceives
Ip: 1 64 136905
IcmpMsg: InType3
IcmpMsg: 1
Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens AttemptFails EstabResets \
CurrEstab InSegs OutSegs RetransSegs InErrs OutRsts InCsumErrors
Tcp: 1 200 120000 -1 5693 5602 21 24 1 136738 105133 65 0 144 0
Udp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors
Udp: 166 3 2 167 1 0 0
UdpLite: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors
UdpLite: 0 0 0 0 0 0 0
"""
NETSTAT = """\
TcpExt: SyncookiesSent TW DelayedACKs ListenOverflows ListenDrops TCPTimeouts TCPBacklogDrop \
TCPSynRetrans
TcpExt: 0 5600 180 4 5 66 0 61
IpExt: InNoRoutes InOctets
IpExt: 0 2814762305
"""


def test_tcp_and_udp_are_picked_out_by_name() -> None:
    tcp, udp = parse_snmp(SNMP)
    assert tcp == TcpCounters(5693, 5602, 21, 24, 1, 136738, 105133, 65, 0, 144)
    assert udp == UdpCounters(166, 3, 2, 167, 1, 0)


def test_listen_overflows_and_retransmitted_syns_are_in_netstat() -> None:
    assert parse_netstat(NETSTAT) == TcpExt(4, 5, 66, 61, 0)


def test_a_kernel_with_other_names_leaves_none_and_moves_the_others() -> None:
    old = "TcpExt: ListenDrops New ListenOverflows\nTcpExt: 5 9 4\n"
    assert parse_netstat(old) == TcpExt(4, 5, None, None, None)
    assert parse_netstat(NETSTAT) == TcpExt(4, 5, 66, 61, 0)


def test_a_protocol_that_is_not_there_is_none_and_not_zero() -> None:
    assert parse_snmp("Ip: A\nIp: 1\n") == (None, None)
    assert parse_netstat("") is None


def test_every_counter_can_be_had_by_cadvisors_names() -> None:
    every = parse_tcp_all(SNMP) | parse_tcp_all(NETSTAT)
    assert every["rtoalgorithm"] == 1
    assert every["maxconn"] == -1
    assert every["retranssegs"] == 65
    assert every["tw"] == 5600
    assert every["listenoverflows"] == 4
    assert "inoctets" not in every
    assert parse_tcp_all("") == {}


@pytest.mark.parametrize(
    "text",
    [
        "TcpExt: ListenOverflows ListenDrops\nTcpExt: 1\n",
        "TcpExt: ListenOverflows\n",
        "TcpExt: ListenOverflows\nTcpExt: x\n",
        "TcpExt: A\nTcpExt: 1\nTcpExt: B\nTcpExt: 2\n",
    ],
)
def test_lines_that_do_not_belong_together_are_refused(text: str) -> None:
    with pytest.raises(UnexpectedText):
        parse_netstat(text)
    with pytest.raises(UnexpectedText):
        parse_tcp_all(text)


@given(st.text() | st.text("TcpUdExt: 01\n"))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    for parse in (parse_snmp, parse_netstat, parse_tcp_all):
        try:
            parse(text)
        except UnexpectedText:
            continue


@given(st.integers(0, len(SNMP) - 1))
def test_a_text_cut_anywhere_is_refused_or_lacks_only_its_end(cut: int) -> None:
    try:
        tcp, udp = parse_snmp(SNMP[:cut])
    except UnexpectedText:
        return
    # The number the cut went through may have lost digits: that is the line's last one.
    assert tcp is None or tcp[:-1] == parse_snmp(SNMP)[0][:-1]  # type: ignore[index]
    assert udp is None or udp[:-1] == parse_snmp(SNMP)[1][:-1]  # type: ignore[index]
