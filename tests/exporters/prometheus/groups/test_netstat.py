"""exporters.prometheus.groups.netstat: each counter from its own place, nothing for none."""

from __future__ import annotations

from dataclasses import replace

from agent.netstack import NetworkStack
from agent.procfs.snmp import TcpCounters, TcpExt, UdpCounters
from agent.procfs.sockstat import Sockstat, Sockstat6
from exporters.prometheus.groups.netstat import METRICS
from tests.exporters.prometheus.shown import any_sample, shown

STACK = NetworkStack(
    tcp=TcpCounters(1, 2, 3, 4, 5, 6, 7, 8, 9, 10),
    udp=UdpCounters(11, 12, 13, 14, 15, 16),
    tcp_ext=TcpExt(17, 18, 19, 20, 21),
    sockets=Sockstat(22, 23, 24, 25),
    sockets6=Sockstat6(26, 27),
)


def test_every_counter_of_the_namespace_is_told_once() -> None:
    page = shown(METRICS, replace(any_sample(), network_stack=STACK))
    numbers = {name.removeprefix("container_network_"): of.get(()) for name, of in page.items()}
    assert numbers == {
        "tcp_active_opens_total": 1,
        "tcp_passive_opens_total": 2,
        "tcp_failed_connections_total": 3,
        "tcp_reset_connections_total": 4,
        "tcp_established_connections": 5,
        "tcp_received_segments_total": 6,
        "tcp_sent_segments_total": 7,
        "tcp_retransmitted_segments_total": 8,
        "tcp_receive_errors_total": 9,
        "tcp_resets_sent_total": 10,
        "udp_received_datagrams_total": 11,
        "udp_no_port_datagrams_total": 12,
        "udp_receive_errors_total": 13,
        "udp_sent_datagrams_total": 14,
        "udp_receive_buffer_errors_total": 15,
        "udp_send_buffer_errors_total": 16,
        "tcp_listen_overflows_total": 17,
        "tcp_listen_drops_total": 18,
        "tcp_timeouts_total": 19,
        "tcp_retransmitted_syns_total": 20,
        "tcp_backlog_drops_total": 21,
        "sockets": 22,
        "tcp_time_wait_sockets": 24,
        "tcp_sockets": None,
        "udp_sockets": None,
    }
    assert page["container_network_tcp_sockets"] == {("4",): 23, ("6",): 26}
    assert page["container_network_udp_sockets"] == {("4",): 25, ("6",): 27}


def test_a_file_that_was_not_read_costs_its_own_series_alone() -> None:
    page = shown(METRICS, replace(any_sample(), network_stack=STACK._replace(tcp_ext=None)))
    assert "container_network_tcp_listen_overflows_total" not in page
    assert "container_network_tcp_retransmitted_segments_total" in page


def test_a_container_that_answers_for_no_namespace_has_none_of_these() -> None:
    assert shown(METRICS, any_sample()) == {}
