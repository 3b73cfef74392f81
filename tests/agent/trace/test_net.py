from __future__ import annotations

from dataclasses import replace

from agent.bpf.durations import NONE
from agent.bpf.tcp import TCP
from agent.bpf.tcp_counts import nothing
from agent.trace.net import document, headline, numbers, since, table

NO_TCP = nothing(TCP.programs.features)
QUICK = replace(NONE, counts=(13, *NONE.counts[1:]), ns=520_000)
COUNTS = replace(
    NO_TCP,
    connects=13,
    failures={"timed_out": 2},
    resets_received=7,
    bytes_sent=40_960,
    connect_latency=QUICK,
    rtt=QUICK,
)


def test_the_table_has_words_and_only_what_happened() -> None:
    assert table(since(numbers([COUNTS]), numbers([NO_TCP]))) == [
        "TCP                                COUNT",
        "connects                              13",
        "resets received                        7",
        "bytes sent, by closed connections  40.0K",
        "connects that failed: timed out        2",
        "connect latency, mean of 13         40us",
        "round trip at the end, mean of 13   40us",
    ]
    assert table(numbers([NO_TCP])) == ["TCP  COUNT"]
    assert headline(numbers([COUNTS]), 2.0) == "6 connects/s, 0 accepts/s"


def test_json_has_seconds_and_what_is_not_counted_is_null() -> None:
    told = document(numbers([COUNTS, COUNTS]))
    assert (told["connects"], told["failed_timed_out"], told["bytes_sent"]) == (26, 4, 81_920)
    assert (told["rtt_count"], told["rtt_seconds"]) == (26, 0.00104)
    unknown = document(numbers([replace(COUNTS, connect_latency=None, retransmits=None)]))
    assert unknown["connect_latency_seconds"] is unknown["retransmits"] is None
