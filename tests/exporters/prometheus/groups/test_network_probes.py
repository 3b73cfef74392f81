"""What the tcp, bytes and dns probes counted, on the page."""

from __future__ import annotations

from dataclasses import replace

from agent.bpf.counts import ProbeCounts
from agent.bpf.dns_counts import NOTHING as NO_QUERY
from agent.bpf.dns_counts import DnsCounts
from agent.bpf.durations import SLOTS, Durations
from agent.bpf.tcp import TCP
from agent.bpf.tcp_counts import TcpCounts, nothing
from agent.bpf.traffic_counts import Traffic
from exporters.prometheus.groups import connections, dns, traffic
from tests.exporters.prometheus.shown import any_sample, shown

METRICS = (*connections.METRICS, *traffic.METRICS, *dns.METRICS)
NO_TCP = nothing(TCP.programs.features)


def page(*counts: object) -> dict[str, dict[tuple[str, ...], float]]:
    return shown(METRICS, replace(any_sample(), probes=ProbeCounts(counts)))


def durations(*counts: int, seconds: float) -> Durations:
    return Durations((*counts, *[0] * (SLOTS - len(counts))), int(seconds * 1e9))


def test_a_probe_that_does_not_run_has_no_series() -> None:
    assert page() == {}


def test_connections_of_a_container_with_their_reasons_and_times() -> None:
    found = page(
        TcpCounts(
            connects=13,
            accepts=2,
            failures=NO_TCP.failures and {**NO_TCP.failures, "refused": 5, "timed_out": 1},
            resets_sent=7,
            resets_received=6,
            retransmits=21,
            bytes_sent=13117,
            bytes_retransmitted=1009,
            bytes_received=23,
            connect_latency=durations(10, 2, 1, seconds=0.25),
            rtt=durations(0, 13, seconds=0.5),
        )
    )
    buckets = found.pop("container_tcp_connect_latency_seconds_bucket")
    assert [buckets[le,] for le in ("1.6e-05", "6.4e-05", "0.000256", "0.001024", "+Inf")] == [
        *(10, 12, 13, 13, 13)
    ]
    assert len(buckets) == len(found.pop("container_tcp_rtt_seconds_bucket")) == SLOTS
    assert found == {
        "container_tcp_connects_total": {(): 13},
        "container_tcp_accepts_total": {(): 2},
        "container_tcp_connect_failures_total": {("refused",): 5, ("timed_out",): 1},
        "container_tcp_connect_latency_seconds_sum": {(): 0.25},
        "container_tcp_connect_latency_seconds_count": {(): 13},
        "container_tcp_retransmits_total": {(): 21},
        "container_tcp_resets_total": {("sent",): 7, ("received",): 6},
        "container_tcp_closed_transmit_bytes_total": {(): 13117},
        "container_tcp_closed_retransmit_bytes_total": {(): 1009},
        "container_tcp_closed_receive_bytes_total": {(): 23},
        "container_tcp_rtt_seconds_sum": {(): 0.5},
        "container_tcp_rtt_seconds_count": {(): 13},
    }


def test_a_container_without_connections_has_few_series() -> None:
    assert {sum(series.values()) for series in page(NO_TCP).values()} == {0}
    assert sum(map(len, page(NO_TCP).values())) == 8


def test_what_is_not_counted_has_no_series() -> None:
    assert set(page(nothing({"resets_sent", "retransmits"}))) == {
        "container_tcp_retransmits_total",
        "container_tcp_resets_total",
    }


def test_traffic() -> None:
    assert page(Traffic(1500, 3, 700, 2)) == {
        "container_network_bpf_receive_bytes_total": {(): 1500},
        "container_network_bpf_receive_packets_total": {(): 3},
        "container_network_bpf_transmit_bytes_total": {(): 700},
        "container_network_bpf_transmit_packets_total": {(): 2},
    }


def test_questions_and_answers() -> None:
    counts = DnsCounts(14, 1, {"NOERROR": 7, "NXDOMAIN": 3, "9": 2}, 2, durations(0, 12, seconds=1))
    found = page(counts)
    assert len(found.pop("container_dns_latency_seconds_bucket")) == SLOTS
    assert found == {
        "container_dns_queries_total": {(): 14},
        "container_dns_retries_total": {(): 1},
        "container_dns_responses_total": {("9",): 2, ("NOERROR",): 7, ("NXDOMAIN",): 3},
        "container_dns_timeouts_total": {(): 2},
        "container_dns_latency_seconds_sum": {(): 1},
        "container_dns_latency_seconds_count": {(): 12},
    }
    assert set(page(NO_QUERY)) == {
        f"container_dns_{what}_total" for what in ("queries", "retries", "timeouts")
    }
