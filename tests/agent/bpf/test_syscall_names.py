from __future__ import annotations

import ctypes
import os
import platform
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.bpf.syscall_names import (
    _MEMBERS,
    CLASS_OF,
    CLASSES,
    NUMBERS,
    class_table,
    name_of,
    names,
    parse_table,
)

MACHINES = ("x86_64", "aarch64")


def test_there_are_sixteen_classes_and_other_is_the_first() -> None:
    assert len(CLASSES) == len(set(CLASSES)) == 16
    assert CLASSES[0] == "other"


def test_a_call_is_in_one_class_and_exists() -> None:
    listed = Counter(call for calls in _MEMBERS.values() for call in calls.split())
    assert [call for call, times in listed.items() if times > 1] == []
    known = {name for machine in MACHINES for name in names(machine)}
    assert set(listed) - known == set()


@pytest.mark.parametrize(
    ("machine", "number", "name"),
    [
        ("x86_64", 0, "read"),
        ("x86_64", 39, "getpid"),
        ("x86_64", 202, "futex"),
        ("x86_64", 257, "openat"),
        ("x86_64", 334, "rseq"),
        ("x86_64", 424, "pidfd_send_signal"),
        ("aarch64", 63, "read"),
        ("aarch64", 172, "getpid"),
        ("aarch64", 98, "futex"),
        ("aarch64", 56, "openat"),
        ("aarch64", 424, "pidfd_send_signal"),
        ("x86_64", 511, "syscall_511"),
        ("x86_64", 0xFFFFFFFF, "32-bit or unknown"),
        ("pdp11", 4, "syscall_4"),
    ],
)
def test_numbers_have_the_kernels_names(machine: str, number: int, name: str) -> None:
    assert name_of(number, machine) == name


def test_this_machines_own_getppid_is_where_the_table_says() -> None:
    if platform.machine() not in MACHINES:
        pytest.skip(f"no table for {platform.machine()}")
    number = names().index("getppid")
    assert ctypes.CDLL(None).syscall(number) == os.getppid()


@pytest.mark.parametrize("machine", MACHINES)
def test_the_kernels_table_has_a_class_for_each_number(machine: str) -> None:
    table = class_table(machine)
    assert len(table) == NUMBERS
    for name in ("read", "futex", "connect", "mmap", "bpf"):
        number = names(machine).index(name)
        assert CLASSES[table[number]] == CLASS_OF.get(name, "other")
    assert table[NUMBERS - 1] == 0


@given(st.lists(st.one_of(st.integers(1, 9), st.sampled_from(["read", "write"]))))
def test_gaps_keep_the_numbers_that_follow(words: list[int | str]) -> None:
    text = " ".join(f"-{word}" if isinstance(word, int) else word for word in words)
    parsed = parse_table(text)
    assert len(parsed) == sum(word if isinstance(word, int) else 1 for word in words)
    assert [name for name in parsed if name] == [w for w in words if isinstance(w, str)]
