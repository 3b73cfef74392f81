"""The decoder of io_times: its header's layout, every number, any bytes."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.bpf import io_counts
from agent.bpf.block_io_counts import OPS
from agent.bpf.entries import UnexpectedRecord
from agent.bpf.io_counts import (
    BUCKETS,
    KINDS_OF_FILE,
    SIZES,
    Device,
    File,
    IoSum,
    ProcessIo,
    StreamCounts,
    decode_files,
    decode_processes,
    decode_streams,
)
from tests.agent.bpf.any_bytes import Decode, assert_decoded_or_refused
from tests.agent.bpf.test_always_on_counts import header, members

COUNT = st.integers(0, 2**63)
CGROUP = st.integers(0, 2**64 - 1)
DEVICE = st.builds(Device, st.integers(0, 2**12 - 1), st.integers(0, 2**20 - 1))
SUM = st.builds(IoSum, COUNT, COUNT, COUNT, COUNT)
NAME = st.text(st.characters(codec="ascii", exclude_characters="\0"), max_size=15)


def number(device: Device) -> int:
    return device.major << 20 | device.minor


def test_layouts_are_the_headers() -> None:
    text = header("io_times")
    for name, value in (("BUCKETS", BUCKETS), ("SIZES", SIZES)):
        assert re.search(rf"^#define IO_{name} {value}\b", text, re.MULTILINE)
    assert members(text, "io_key") == ["__u64 cgroup", "__u32 device", "__u32 op"]
    assert members(text, "io_counts") == [
        *("__u64 bytes", "__u64 errors", "__u64 ns"),
        *("__u64 sizes[IO_SIZES]", "__u64 latency[IO_BUCKETS]"),
    ]
    assert members(text, "io_process_key") == ["__u64 cgroup", "__u32 pid", "__u32 zero"]
    assert members(text, "io_file_key") == [
        *("__u64 cgroup", "__u64 inode", "__u32 device", "__u32 of"),
    ]
    assert members(text, "io_sum") == [
        *("__u64 requests", "__u64 read", "__u64 written", "__u64 ns"),
    ]
    assert members(text, "io_process") == ["io_sum sum", "char comm[IO_COMM]"]
    assert members(text, "io_file") == ["io_sum sum", "char name[IO_NAME]"]
    assert (io_counts.PROCESS.size, io_counts.FILE.size) == (32 + 16, 32 + 48)
    assert re.search(r"#define IO_COMM 16\n#define IO_NAME 48\n", text)
    kinds = re.findall(r"^\tIO_OF_([A-Z]+),", text, re.MULTILINE)
    assert tuple(kinds) == tuple(kind.upper() for kind in KINDS_OF_FILE)


@given(
    st.dictionaries(
        st.tuples(CGROUP, DEVICE, st.sampled_from(OPS)),
        st.builds(
            StreamCounts,
            *(COUNT, COUNT, COUNT),
            st.lists(COUNT, min_size=SIZES, max_size=SIZES).map(tuple),
            st.lists(COUNT, min_size=BUCKETS, max_size=BUCKETS).map(tuple),
        ),
        max_size=5,
    )
)
def test_every_request_is_found_again(
    entries: dict[tuple[int, Device, str], StreamCounts],
) -> None:
    found = decode_streams(
        (
            io_counts.KEY.pack(cgroup, number(device), OPS.index(op)),
            io_counts.COUNTS.pack(of.bytes, of.errors, of.ns, *of.sizes, *of.latency),
        )
        for (cgroup, device, op), of in entries.items()
    )
    assert {(c, *stream): of for c, streams in found.items() for stream, of in streams.items()} == (
        entries
    )


@given(
    st.dictionaries(st.tuples(CGROUP, st.integers(0, 2**32 - 1)), st.tuples(NAME, SUM), max_size=5)
)
def test_every_process_is_found_again(
    entries: dict[tuple[int, int], tuple[str, IoSum]],
) -> None:
    found = decode_processes(
        (
            io_counts.PROCESS_KEY.pack(cgroup, pid, 0),
            io_counts.PROCESS.pack(of.requests, of.read, of.written, of.ns, name.encode()),
        )
        for (cgroup, pid), (name, of) in entries.items()
    )
    for (cgroup, pid), (name, of) in entries.items():
        assert found[cgroup][pid] == ProcessIo(name, of)


@given(
    st.dictionaries(
        st.tuples(CGROUP, st.sampled_from(KINDS_OF_FILE), DEVICE, st.integers(0, 2**64 - 1), NAME),
        SUM,
        max_size=5,
    )
)
def test_every_file_is_found_again(
    entries: dict[tuple[int, str, Device, int, str], IoSum],
) -> None:
    found = decode_files(
        (
            io_counts.FILE_KEY.pack(cgroup, inode, number(device), KINDS_OF_FILE.index(kind)),
            io_counts.FILE.pack(of.requests, of.read, of.written, of.ns, name.encode()),
        )
        for (cgroup, kind, device, inode, name), of in entries.items()
    )
    for (cgroup, kind, device, inode, name), of in entries.items():
        assert found[cgroup][File(kind, device, inode, name)] == of


def test_a_name_that_is_no_utf8_is_a_name() -> None:
    key, value = io_counts.FILE_KEY.pack(7, 3, 0, 0), io_counts.FILE.pack(1, 1, 1, 1, b"\xff.log")
    assert [file.name for file in decode_files([(key, value)])[7]] == ["\ufffd.log"]


@pytest.mark.parametrize("decode", [decode_streams, decode_processes, decode_files])
@given(keys=st.binary(max_size=64), values=st.binary(max_size=500))
def test_any_bytes_are_decoded_or_refused(decode: Decode, keys: bytes, values: bytes) -> None:
    assert_decoded_or_refused(decode, keys, values)


def test_an_operation_or_a_kind_of_file_that_is_not_known_is_refused() -> None:
    with pytest.raises(UnexpectedRecord, match="operation 4"):
        decode_streams([(io_counts.KEY.pack(7, 0, 4), bytes(io_counts.COUNTS.size))])
    with pytest.raises(UnexpectedRecord, match="kind of file 3"):
        decode_files([(io_counts.FILE_KEY.pack(7, 0, 0, 3), bytes(io_counts.FILE.size))])


def test_requests_are_as_many_as_were_timed() -> None:
    of = StreamCounts(0, 0, 0, (0,) * SIZES, (3, 98, *[0] * (BUCKETS - 2)))
    assert of.requests == 101
