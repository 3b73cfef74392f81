"""The walk of all cgroups: its layout, its decoder, and the walk itself."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.bpf.loader import ProbeUnavailable
from agent.bpf.probeset import DIRECTORY
from agent.bpf.sweep import (
    RECORD,
    Sweep,
    SweepRecord,
    decode_record,
    decode_records,
    open_sweep,
    split_records,
)
from agent.config import HostPaths
from agent.sampler import host_hierarchies

NUMBERS = st.integers(0, (1 << 64) - 1)


@pytest.fixture
def sweep() -> Sweep:
    try:
        return open_sweep(1000)
    except ProbeUnavailable as error:
        pytest.skip(error.reason)


def test_the_record_is_the_headers() -> None:
    header = Path(DIRECTORY, "sweep.h").read_text()
    (body,) = re.findall(r"struct sweep_record \{(.*?)\n\};", header, re.DOTALL)
    assert tuple(re.findall(r"__u64 (\w+);", body)) == SweepRecord._fields
    assert RECORD.size == 8 * len(SweepRecord._fields)


@given(st.lists(st.tuples(*[NUMBERS] * len(SweepRecord._fields)), max_size=5))
def test_records_come_back_whole_and_by_their_id(rows: list[tuple[int, ...]]) -> None:
    memory = b"".join(RECORD.pack(*row) for row in rows)
    decoded = decode_records(memory)
    assert decoded == {row[0]: row for row in rows}
    assert {i: decode_record(raw) for i, raw in split_records(memory).items()} == decoded


def test_a_walk_finds_every_cgroup_and_no_other(sweep: Sweep) -> None:
    with sweep:
        for root in {*host_hierarchies(HostPaths()).v1.values()}:
            before = inodes(root)
            walked = set(sweep.read(root))
            after = inodes(root)
            # What came or went meanwhile may be in it or not.
            assert before & after <= walked
            assert walked <= before | after


def test_a_closed_sweep_leaves_no_descriptor(
    no_descriptor_left: None, libbpf_may_load: None
) -> None:
    with open_sweep(10) as sweep:
        sweep.read(host_hierarchies(HostPaths()).walk_root)
    sweep.close()


def inodes(root: str) -> set[int]:
    return {os.stat(directory).st_ino for directory, _, _ in os.walk(root)}
