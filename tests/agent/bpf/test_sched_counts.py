from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.bpf.entries import UnexpectedRecord
from agent.bpf.probeset import DIRECTORY
from agent.bpf.sched_counts import (
    BUCKETS,
    COUNTS_SIZE,
    PREEMPTION,
    REASONS,
    Sleeps,
    decode_counts,
    decode_preemptions,
)

HEADER = (Path(DIRECTORY) / "sched.h").read_text()


def test_the_layout_is_that_of_the_header() -> None:
    body = re.search(r"struct sched_counts \{(.*?)\n\};", HEADER, re.DOTALL)
    assert body is not None
    assert re.findall(r"__u64 (\w+)", body[1]) == [
        "waits",
        "wait_ns",
        "involuntary",
        "throttled",
        "voluntary",
        "sleeps",
        "sleep_ns",
    ]
    assert f"#define SCHED_BUCKETS {BUCKETS}\n" in HEADER
    assert f"#define SCHED_REASONS {len(REASONS)}\n" in HEADER
    reasons = re.search(r"enum sched_reason \{(.*?)\n\};", HEADER, re.DOTALL)
    assert reasons is not None
    assert [
        name.lower() for name in re.findall(r"^\tSCHED_(\w+),", reasons[1], re.MULTILINE)
    ] == list(REASONS)


def test_counters_are_told_apart() -> None:
    counts = decode_counts(range(COUNTS_SIZE // 8), {7: 1})
    assert counts.takers == {7: 1}
    assert counts.waits == tuple(range(32))
    assert (counts.wait_ns, counts.involuntary, counts.throttled, counts.voluntary) == (
        32,
        33,
        34,
        35,
    )
    assert counts.sleeps == {
        "io": Sleeps(36, 40),
        "interruptible": Sleeps(37, 41),
        "uninterruptible": Sleeps(38, 42),
        "stopped": Sleeps(39, 43),
    }


def test_a_slot_of_another_version_is_refused() -> None:
    with pytest.raises(UnexpectedRecord):
        decode_counts([0] * 43, {})


def test_who_lost_a_cpu_to_whom() -> None:
    keys = PREEMPTION.pack(272, 679) + PREEMPTION.pack(679, 272)
    assert decode_preemptions([(keys, struct.pack("=2Q", 13, 5))]) == {
        (272, 679): 13,
        (679, 272): 5,
    }


@given(st.binary(max_size=80), st.binary(max_size=80))
def test_any_bytes_are_decoded_or_refused(keys: bytes, values: bytes) -> None:
    try:
        assert len(decode_preemptions([(keys, values)])) <= len(keys) // PREEMPTION.size
    except UnexpectedRecord:
        assert len(keys) % PREEMPTION.size or len(values) != len(keys) // PREEMPTION.size * 8
