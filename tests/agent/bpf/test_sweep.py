"""The walk of all cgroups: its layout, its decoder, and the walk itself."""

from __future__ import annotations

import os
import re
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.bpf.loader import ProbeUnavailable
from agent.bpf.probeset import DIRECTORY
from agent.bpf.sweep import (
    RECORD,
    Records,
    Sweep,
    SweepRecord,
    decode_records,
    open_sweep,
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


ROWS = st.lists(
    st.tuples(st.integers(1, 9), NUMBERS).map(lambda pair: (pair[0], *[pair[1]] * 41)),
    max_size=9,
    unique_by=lambda row: row[0],
)


@given(st.lists(ROWS, max_size=6))
def test_what_changed_since_the_walk_before_is_told_and_nothing_else(
    walks: list[list[tuple[int, ...]]],
) -> None:
    records = Records()
    before: dict[int, tuple[int, ...]] = {}
    for rows in walks:
        changed = records.update(b"".join(RECORD.pack(*row) for row in rows))
        now = {row[0]: row for row in rows}
        assert sorted(changed) == sorted(
            number for number in before.keys() | now.keys() if before.get(number) != now.get(number)
        )
        assert {number: records.get(number) for number in now} == now
        assert records.get(10) is None
        before = now


@given(st.binary(min_size=1, max_size=700).filter(lambda data: len(data) % RECORD.size))
def test_a_part_of_a_record_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="no whole records"):
        Records().update(data)
    with pytest.raises(struct.error):
        decode_records(data)


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
