"""A namespace's file of Linux 6.18, in which a datagram was sent, and one to a closed port."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.kernelfile import UnexpectedText
from agent.procfs.snmp6 import Ip6Counters, parse_snmp6

TEXT = (Path(__file__).parents[2] / "fixtures" / "net" / "snmp6.txt").read_text()


def test_the_counters_are_picked_by_name() -> None:
    assert parse_snmp6(TEXT) == Ip6Counters(
        ip_in_discards=0,
        ip_out_discards=0,
        ip_in_no_routes=0,
        ip_out_no_routes=parse_snmp6(TEXT).ip_out_no_routes,
        icmp_in_errors=0,
        icmp_in_dest_unreachs=1,
        icmp_in_pkt_too_bigs=0,
        udp_in_datagrams=1,
        udp_no_ports=1,
        udp_in_errors=0,
        udp_out_datagrams=2,
        udp_rcvbuf_errors=0,
        udp_sndbuf_errors=0,
    )


def test_a_name_that_is_not_there_is_none_and_a_new_one_is_skipped() -> None:
    found = parse_snmp6("Udp6NoPorts                     \t7\nUdp6Whatever\tx\n")
    assert found == Ip6Counters(udp_no_ports=7)
    assert parse_snmp6("") == Ip6Counters()


def test_a_damaged_number_is_refused_and_quoted() -> None:
    with pytest.raises(UnexpectedText, match="Udp6NoPorts"):
        parse_snmp6("Udp6NoPorts\tmany\n")


@given(st.text(alphabet="Udp6NoPorts \t\n019-", max_size=60))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        parse_snmp6(text)
    except UnexpectedText:
        pass
