"""exporters.prometheus.groups.socket_states: cAdvisor's names and states, and how old they are."""

from __future__ import annotations

from dataclasses import replace

from agent.netstack import NetworkStack, SocketStates
from agent.procfs.net_tcp import TcpStates, UdpSockets
from exporters.prometheus.groups.socket_states import ADVTCP, TCP, UDP
from tests.exporters.prometheus.shown import any_sample, shown

STATES = SocketStates(
    read_at=70.0,
    tcp=TcpStates(*range(1, 12)),
    tcp6=TcpStates(listen=2),
    udp=UdpSockets(1, 2, 3, 4),
    udp6=UdpSockets(),
)
SAMPLE = replace(any_sample(), network_stack=NetworkStack(states=STATES))


def test_tcp_sockets_are_told_by_cadvisors_states() -> None:
    page = shown(TCP, SAMPLE, at=100.0)
    names = (
        "established synsent synrecv finwait1 finwait2 timewait close closewait lastack listen"
        " closing"
    )
    assert page["container_network_tcp_usage_total"] == {
        (name,): number for number, name in enumerate(names.split(), 1)
    }
    assert page["container_network_tcp6_usage_total"][("listen",)] == 2
    assert page["container_network_tcp_usage_age_seconds"] == {(): 30}


def test_udp_sockets_are_told_by_cadvisors_states() -> None:
    page = shown(UDP, SAMPLE, at=100.0)
    assert page["container_network_udp_usage_total"] == {
        ("listen",): 1,
        ("dropped",): 2,
        ("rxqueued",): 3,
        ("txqueued",): 4,
    }
    assert set(page["container_network_udp6_usage_total"].values()) == {0}
    assert page["container_network_udp_usage_age_seconds"] == {(): 30}


def test_states_that_were_not_counted_are_absent_and_have_no_age() -> None:
    states = SocketStates(read_at=70.0, tcp6=TcpStates())
    sample = replace(any_sample(), network_stack=NetworkStack(states=states))
    assert list(shown((*TCP, *UDP), sample)) == ["container_network_tcp6_usage_total"]
    assert shown((*TCP, *UDP, *ADVTCP), any_sample()) == {}


def test_every_tcp_counter_has_its_name_as_the_state() -> None:
    stack = NetworkStack(advanced={"retranssegs": 65, "maxconn": -1})
    page = shown(ADVTCP, replace(any_sample(), network_stack=stack))
    assert page == {
        "container_network_advance_tcp_stats_total": {("retranssegs",): 65, ("maxconn",): -1}
    }
