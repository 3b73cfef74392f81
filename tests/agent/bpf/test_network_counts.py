"""The decoders of the tcp, bytes and dns probes against their headers and against any bytes."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterable
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.bpf import dns_counts, tcp_counts, traffic_counts
from agent.bpf.dns import TIMEOUT
from agent.bpf.dns_counts import NOTHING, DnsCounts, decode_dns, decode_timeouts, decode_waiting
from agent.bpf.durations import NONE, SLOTS, Durations
from agent.bpf.entries import UnexpectedRecord
from agent.bpf.probeset import DIRECTORY
from agent.bpf.tcp import TCP
from agent.bpf.tcp_counts import FAILURES, TcpCounts, decode_tcp, nothing
from agent.bpf.traffic_counts import Traffic, decode_bytes

Batches = Iterable[tuple[bytes, bytes]]
U64 = st.integers(0, 2**64 - 1)
ALL = TCP.programs.features
NAMES = [field.name for field in fields(TcpCounts)]
SIZES = {"__u64": 8, "__u32": 4, "struct durations": 8 * (SLOTS + 1)}


def header(name: str) -> str:
    return Path(DIRECTORY, f"{name}.h").read_text()


def members(text: str, struct_name: str) -> list[tuple[str, str, int]]:
    """(type, name, how many) of each member."""
    body = re.search(rf"struct {struct_name} \{{(.*?)\n\}};", text, re.DOTALL)
    assert body is not None
    found = re.findall(r"^\t((?:struct )?\w+) (\w+)(?:\[(\w+)\])?;", body[1], re.MULTILINE)
    constants = {
        name: int(value) for name, value in re.findall(r"(\w+_\w+) (?:= )?(\d+)\b,?", text)
    }
    return [(kind, name, constants[many] if many else 1) for kind, name, many in found]


@pytest.mark.parametrize(
    ("probe", "name", "layout"),
    [
        ("tcp", "tcp_counts", tcp_counts.COUNTS),
        ("bytes", "bytes_counts", traffic_counts.COUNTS),
        ("dns", "dns_counts", dns_counts.COUNTS),
        ("dns", "dns_question", dns_counts.QUESTION),
        ("dns", "dns_asked", dns_counts.ASKED),
    ],
)
def test_the_layout_is_the_headers_struct(probe: str, name: str, layout: struct.Struct) -> None:
    found = members(header(probe), name)
    assert sum(SIZES[kind] * many for kind, _, many in found) == layout.size


def test_the_failures_are_the_headers_enum() -> None:
    body = re.search(r"enum tcp_failure \{(.*?)\n\};", header("tcp"), re.DOTALL)
    assert body is not None
    numbers = re.findall(r"^\tTCP_(\w+) = (\d+),", body[1], re.MULTILINE)
    names = {int(number): name.lower().removesuffix("_failure") for name, number in numbers}
    assert tuple(names[i] for i in range(len(FAILURES))) == FAILURES
    assert names == {**dict(enumerate(FAILURES)), len(FAILURES): "failures"}


def numbered(layout: struct.Struct) -> bytes:
    """Every counter is its own place in the struct."""
    return layout.pack(*range(layout.size // 8))


def test_each_counter_of_tcp_is_the_one_the_header_has_there() -> None:
    places: dict[str, int] = {}
    at = 0
    for kind, name, many in members(header("tcp"), "tcp_counts"):
        places[name] = at
        at += SIZES[kind] // 8 * many
    counts = decode_tcp([(struct.pack("=Q", 7), numbered(tcp_counts.COUNTS))], ALL)[7]
    plain = ("connects", "accepts", "resets_sent", "resets_received", "retransmits")
    for name in (*plain, "bytes_sent", "bytes_retransmitted", "bytes_received"):
        assert getattr(counts, name) == places[name]
    assert counts.failures == {name: places["failures"] + i for i, name in enumerate(FAILURES)}
    assert counts.connect_latency is not None
    assert counts.rtt is not None
    for durations, name in ((counts.connect_latency, "connect"), (counts.rtt, "rtt")):
        first = places[name]
        assert durations == Durations(tuple(range(first, first + SLOTS)), first + SLOTS)


def test_each_counter_of_dns_is_the_one_the_header_has_there() -> None:
    counts = decode_dns([(struct.pack("=Q", 7), numbered(dns_counts.COUNTS))], {7: 99})[7]
    assert [name for _, name, _ in members(header("dns"), "dns_counts")] == [
        *("queries", "retries", "responses", "latency")
    ]
    assert (counts.queries, counts.retries, counts.timeouts) == (0, 1, 99)
    words = {"NOERROR": 2, "FORMERR": 3, "SERVFAIL": 4, "NXDOMAIN": 5, "NOTIMP": 6, "REFUSED": 7}
    assert counts.responses == words | {str(code): code + 2 for code in range(6, 16)}
    assert counts.latency == Durations(tuple(range(18, 18 + SLOTS)), 18 + SLOTS)
    assert counts.latency.total == sum(range(18, 18 + SLOTS))


def test_codes_that_never_came_are_not_told() -> None:
    value = dns_counts.COUNTS.pack(3, 0, 2, *[0] * 15, 0, *[0] * SLOTS)
    expected = DnsCounts(3, 0, {"NOERROR": 2}, 0, NONE)
    assert decode_dns([(struct.pack("=Q", 7), value)], {}) == {7: expected}


def test_what_timed_out_is_told_of_a_cgroup_that_has_no_other_count() -> None:
    timeouts = decode_timeouts([(struct.pack("=QQ", 7, 8), struct.pack("=QQ", 3, 0))])
    assert timeouts == {7: 3, 8: 0}
    assert decode_dns([], timeouts) == {7: replace(NOTHING, timeouts=3)}
    assert TIMEOUT >= 1


def test_what_is_not_counted_is_none_and_not_zero() -> None:
    some = {"retransmits", "resets_received"}
    counts = decode_tcp([(struct.pack("=Q", 7), numbered(tcp_counts.COUNTS))], some)[7]
    assert [name for name in NAMES if getattr(counts, name) is not None] == [
        *("resets_received", "retransmits")
    ]
    zero = nothing(some)
    assert (zero.retransmits, zero.resets_received, zero.connects, zero.rtt) == (0, 0, None, None)
    assert again(nothing(ALL)) == [0] * 41


def test_a_query_that_waits_keeps_its_key() -> None:
    keys = [dns_counts.QUESTION.pack(cookie, 0x1234, 0) for cookie in (5, 6)]
    values = b"".join(dns_counts.ASKED.pack(cgroup, 10 * cgroup) for cgroup in (7, 8))
    first, second = decode_waiting([(b"".join(keys), values)])
    assert (first.key, first.cgroup, first.began_ns) == (keys[0], 7, 70)
    assert (second.key, second.cgroup, second.began_ns) == (keys[1], 8, 80)


@given(
    st.dictionaries(
        U64,
        st.lists(st.lists(st.integers(0, 2**60), min_size=4, max_size=4), min_size=3, max_size=3),
    )
)
def test_traffic_is_the_sum_of_the_cpus(expected: dict[int, list[list[int]]]) -> None:
    batches = [
        (struct.pack("=Q", cgroup), b"".join(traffic_counts.COUNTS.pack(*cpu) for cpu in cpus))
        for cgroup, cpus in expected.items()
    ]
    assert decode_bytes(batches, 3) == {
        cgroup: Traffic(*map(sum, zip(*cpus, strict=True))) for cgroup, cpus in expected.items()
    }


@given(st.dictionaries(U64, st.lists(U64, min_size=41, max_size=41)))
def test_every_count_of_tcp_is_found_again(expected: dict[int, list[int]]) -> None:
    keys = b"".join(struct.pack("=Q", cgroup) for cgroup in expected)
    values = b"".join(tcp_counts.COUNTS.pack(*counters) for counters in expected.values())
    found = decode_tcp([(keys, values), (b"", b"")], ALL)
    assert {cgroup: again(counts) for cgroup, counts in found.items()} == expected


def again(counts: TcpCounts) -> list[int]:
    assert counts.failures is not None
    assert counts.connect_latency is not None
    assert counts.rtt is not None
    found = [
        *(counts.connects, counts.accepts, *counts.failures.values()),
        *(counts.resets_sent, counts.resets_received, counts.retransmits),
        *(counts.bytes_sent, counts.bytes_retransmitted, counts.bytes_received),
        *(*counts.connect_latency.counts, counts.connect_latency.ns),
        *(*counts.rtt.counts, counts.rtt.ns),
    ]
    return [number for number in found if number is not None]


DECODERS: list[tuple[Callable[[Batches], object], int, int]] = [
    (lambda batches: decode_tcp(batches, ALL), 8, tcp_counts.COUNTS.size),
    (lambda batches: decode_bytes(batches, 2), 8, 2 * traffic_counts.COUNTS.size),
    (lambda batches: decode_dns(batches, {}), 8, dns_counts.COUNTS.size),
    (decode_timeouts, 8, 8),
    (decode_waiting, 16, 16),
]


@pytest.mark.parametrize(("decode", "key", "value"), DECODERS)
@given(keys=st.binary(max_size=80), values=st.binary(max_size=700))
def test_any_bytes_are_decoded_or_refused(
    decode: Callable[[Batches], object], key: int, value: int, keys: bytes, values: bytes
) -> None:
    fits = len(keys) % key == 0 and len(values) == len(keys) // key * value
    try:
        decode([(keys, values)])
    except UnexpectedRecord:
        assert not fits
    else:
        assert fits
