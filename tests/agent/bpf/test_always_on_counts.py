"""Decoders of block_io, reclaim and profile: their headers' layout, every number, any bytes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import accumulate
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.bpf import block_io_counts, reclaim_counts
from agent.bpf.addition import add
from agent.bpf.block_io_counts import BlockIoCounts, OpCounts, decode_block_io
from agent.bpf.counts import ProbeCounts
from agent.bpf.durations import BOUNDS_NS, NONE, SLOTS, Durations
from agent.bpf.probeset import DIRECTORY
from agent.bpf.profile_counts import ProfileCounts, decode_profile
from agent.bpf.reclaim_counts import KINDS, ReclaimCounts, decode_reclaim
from exporters.prometheus.groups import block_io as block_io_group
from exporters.prometheus.groups import profile as profile_group
from exporters.prometheus.groups import reclaim as reclaim_group
from tests.agent.bpf.any_bytes import Decode, assert_decoded_or_refused
from tests.exporters.prometheus.shown import any_sample, shown

Batches = Iterable[tuple[bytes, bytes]]
SLOT_COUNTS = st.lists(st.integers(0, 2**63), min_size=SLOTS, max_size=SLOTS).map(tuple)


def header(name: str) -> str:
    return Path(DIRECTORY, f"{name}.h").read_text()


def members(text: str, struct: str) -> list[str]:
    body = re.search(rf"struct {struct} \{{(.*?)\n\}};", text, re.DOTALL)
    assert body is not None
    return re.findall(r"^\t(?:struct )?(\w+ \w+(?:\[\w+\])?);", body[1], re.MULTILINE)


def test_durations_are_the_headers() -> None:
    text = header("durations")
    assert f"DURATIONS_FIRST_BOUND_NS {BOUNDS_NS[0]}ULL" in text
    assert f"DURATIONS_SLOTS {SLOTS}\n" in text
    assert list(BOUNDS_NS) == list(accumulate([BOUNDS_NS[0], *[4] * 11], int.__mul__))
    assert members(text, "durations") == ["__u64 slots[DURATIONS_SLOTS]", "__u64 ns"]


def test_layouts_are_the_headers() -> None:
    text = header("block_io")
    assert members(text, "block_io_key") == ["__u64 cgroup", "__u32 op", "__u32 zero"]
    assert members(text, "block_io_counts") == ["__u64 bytes", "__u64 errors", "durations latency"]
    ops = re.search(r"enum block_io_op \{(.*?)\n\};", text, re.DOTALL)
    assert ops is not None
    assert tuple(re.findall(r"^\tBLOCK_IO_([A-Z]+),$", ops[1], re.MULTILINE)) == tuple(
        op.upper() for op in block_io_counts.OPS
    )
    text = header("reclaim")
    assert members(text, "reclaim_key") == ["__u64 cgroup", "__u32 kind", "__u32 zero"]
    kinds = re.findall(r"^\tRECLAIM_([A-Z]+),", text, re.MULTILINE)
    assert tuple(kinds) == tuple(kind.upper() for kind in KINDS)
    assert members(header("profile"), "profile_counts") == ["__u64 user", "__u64 kernel"]


@given(
    st.dictionaries(
        st.tuples(st.integers(0, 2**64 - 1), st.sampled_from(block_io_counts.OPS)),
        st.tuples(st.integers(0, 2**63), st.integers(0, 2**63), SLOT_COUNTS, st.integers(0, 2**63)),
    )
)
def test_every_request_is_found_again(
    entries: dict[tuple[int, str], tuple[int, int, tuple[int, ...], int]],
) -> None:
    found = decode_block_io(
        (
            block_io_counts.KEY.pack(cgroup, block_io_counts.OPS.index(op), 0),
            block_io_counts.COUNTS.pack(size, errors, *slots, ns),
        )
        for (cgroup, op), (size, errors, slots, ns) in entries.items()
    )
    assert {(c, op): of for c, counts in found.items() for op, of in counts.ops.items()} == {
        key: OpCounts(size, errors, Durations(slots, ns))
        for key, (size, errors, slots, ns) in entries.items()
    }


@given(
    st.dictionaries(
        st.tuples(st.integers(0, 2**64 - 1), st.sampled_from(KINDS)),
        st.tuples(SLOT_COUNTS, st.integers(0, 2**63)),
    ),
    st.sets(st.sampled_from(KINDS)),
)
def test_every_stall_is_found_again_and_what_is_not_counted_is_absent(
    entries: dict[tuple[int, str], tuple[tuple[int, ...], int]], features: set[str]
) -> None:
    reading = decode_reclaim(
        (
            (
                reclaim_counts.KEY.pack(cgroup, KINDS.index(kind), 0),
                reclaim_counts.VALUE.pack(*slots, ns),
            )
            for (cgroup, kind), (slots, ns) in entries.items()
        ),
        features,
    )
    assert reading.zero.stalls == dict.fromkeys(features, NONE)
    for (cgroup, kind), (slots, ns) in entries.items():
        found = reading.of(cgroup).stalls
        assert found.keys() == features
        if kind in features:
            assert found[kind] == Durations(slots, ns)


DECODERS: tuple[Callable[[Batches], object], ...] = (
    decode_block_io,
    lambda batches: decode_reclaim(batches, KINDS),
    decode_profile,
)


@pytest.mark.parametrize("decode", DECODERS)
@given(keys=st.binary(max_size=64), values=st.binary(max_size=300))
def test_any_bytes_are_decoded_or_refused(decode: Decode, keys: bytes, values: bytes) -> None:
    assert_decoded_or_refused(decode, keys, values)


def test_the_page_has_what_there_was_and_nothing_where_a_probe_does_not_run() -> None:
    metrics = (*block_io_group.METRICS, *reclaim_group.METRICS, *profile_group.METRICS)
    assert shown(metrics, any_sample()) == {}
    latency = Durations((3, 98, *[0] * (SLOTS - 2)), 5_000_000)
    counts = (
        BlockIoCounts({"read": OpCounts(413_696, 2, latency)}),
        ReclaimCounts({"memcg": latency, "direct": NONE}),
        ProfileCounts(31, 18),
    )
    page = shown(metrics, replace(any_sample(), probes=ProbeCounts(counts)))
    assert page["container_block_io_bytes_total"] == {("read",): 413_696}
    assert page["container_block_io_errors_total"] == {("read",): 2}
    assert page["container_block_io_latency_seconds_count"] == {("read",): 101}
    assert page["container_block_io_latency_seconds_sum"] == {("read",): 0.005}
    assert page["container_memory_reclaim_latency_seconds_count"] == {("memcg",): 101}
    assert page["container_cpu_samples_total"] == {("user",): 31, ("kernel",): 18}


def test_counts_of_two_cgroups_are_added_up() -> None:
    one = BlockIoCounts({"read": OpCounts(1, 0, Durations((1,) * SLOTS, 5))})
    other = BlockIoCounts(
        {"read": OpCounts(2, 1, Durations((2,) * SLOTS, 6)), "write": OpCounts(9, 0, NONE)}
    )
    assert add(one, other).ops == {
        "read": OpCounts(3, 1, Durations((3,) * SLOTS, 11)),
        "write": OpCounts(9, 0, NONE),
    }
    assert add(ProfileCounts(1, 2), ProfileCounts(3, 4)) == ProfileCounts(4, 6)
