from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.bpf.entries import UnexpectedRecord
from agent.bpf.probeset import DIRECTORY
from agent.bpf.syscall_counts import (
    BUCKETS,
    COUNTS_SIZE,
    KEY,
    TIMES,
    CallTimes,
    ClassCounts,
    decode_classes,
    decode_times,
)
from agent.bpf.syscall_names import CLASSES, NUMBERS

X86 = "x86_64"


def defined(header: str) -> dict[str, int]:
    text = (Path(DIRECTORY) / header).read_text()
    return {name: int(value) for name, value in re.findall(r"#define (\w+) (\d+)\n", text)}


def test_the_sizes_are_those_of_the_headers() -> None:
    counts = defined("syscalls.h")
    assert counts["SYSCALL_CLASSES"] == len(CLASSES)
    assert counts["SYSCALL_NUMBERS"] == NUMBERS
    assert counts["SYSCALL_CLASSES"] * 2 * 8 == COUNTS_SIZE
    assert defined("syscall_times.h")["SYSCALL_BUCKETS"] == BUCKETS
    fields = "calls errors ns buckets"
    text = (Path(DIRECTORY) / "syscall_times.h").read_text()
    body = re.search(r"struct syscall_times \{(.*?)\};", text, re.DOTALL)
    assert body is not None
    assert " ".join(re.findall(r"__u64 (\w+)", body[1])) == fields


def test_classes_that_were_called_have_their_calls_and_errors() -> None:
    calls, errors = [0] * 16, [0] * 16
    calls[CLASSES.index("file")], errors[CLASSES.index("file")] = 1009, 23
    calls[CLASSES.index("lock")] = 7
    assert decode_classes([*calls, *errors]) == {
        "file": ClassCounts(1009, 23),
        "lock": ClassCounts(7, 0),
    }


def test_a_slot_of_another_version_is_refused() -> None:
    with pytest.raises(UnexpectedRecord):
        decode_classes([0] * 31)


def test_calls_have_their_names_times_and_errnos() -> None:
    buckets = [0] * BUCKETS
    buckets[9] = 3
    times = KEY.pack(272, 257, 0), TIMES.pack(3, 2, 1900, *buckets)
    errors = KEY.pack(272, 257, 2) + KEY.pack(272, 257, 13), struct.pack("=2Q", 1, 1)
    assert decode_times([times], [errors], X86) == {
        272: {"openat": CallTimes(3, 2, 1900, tuple(buckets), {2: 1, 13: 1})}
    }


@given(st.binary(max_size=64), st.binary(max_size=600))
def test_any_bytes_are_decoded_or_refused(keys: bytes, values: bytes) -> None:
    try:
        decoded = decode_times([(keys, values)], [], X86)
    except UnexpectedRecord:
        assert len(keys) % KEY.size or len(values) != len(keys) // KEY.size * TIMES.size
    else:
        assert sum(len(calls) for calls in decoded.values()) <= len(keys) // KEY.size
