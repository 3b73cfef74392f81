"""agent/logs/inflate.py"""

from __future__ import annotations

import gzip
import os
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.logs.inflate import Inflated


@contextmanager
def inflated(data: bytes) -> Iterator[Inflated]:
    fd = os.memfd_create("log.gz", os.MFD_CLOEXEC)
    try:
        os.write(fd, data)
        yield Inflated(fd)
    finally:
        os.close(fd)


def read_all(content: Inflated, offset: int = 0, limit: int = 1000) -> bytes:
    out = b""
    while not content.ended:
        out += content.read(limit, offset + len(out))
    return out


@given(
    st.lists(st.binary(max_size=3000), min_size=1, max_size=4),
    st.integers(0, 9000),
    st.integers(1, 5000),
)
def test_it_is_what_was_compressed_from_any_offset(
    members: list[bytes], offset: int, limit: int
) -> None:
    whole = b"".join(members)
    with inflated(b"".join(map(gzip.compress, members))) as content:
        assert read_all(content, offset, limit) == whole[offset:]
        assert content.damage == ""
        assert content.size(0) == len(whole)


@given(st.binary(min_size=1, max_size=3000), st.integers(0, 5000), st.data())
def test_a_cut_file_gives_what_is_there_and_says_so(
    whole: bytes, flip: int, data: st.DataObject
) -> None:
    packed = gzip.compress(whole)
    cut = data.draw(st.integers(1, len(packed) - 1))
    with inflated(packed[:cut]) as content:
        assert whole.startswith(read_all(content))
        assert content.damage


@given(st.binary(max_size=500))
def test_what_is_not_gzip_ends(junk: bytes) -> None:
    with inflated(junk) as content:
        read_all(content)
        assert content.ended


def test_the_size_is_known_before_it_is_read() -> None:
    with inflated(gzip.compress(b"x" * 5000)) as content:
        assert content.size(0) == 5000
        assert content.size(4000) == 5000
        assert content.size(5001) == 5000 + (1 << 32), "the trailer counts modulo 2^32"


def test_a_file_that_inflates_a_thousandfold_takes_little_memory(tmp_path: Path) -> None:
    packed = gzip.compress(b"\0" * 30_000_000)
    with inflated(packed) as content:
        tracemalloc.start()
        try:
            calls = 0
            while not (data := content.read(1000, 29_999_500)) and not content.ended:
                calls += 1
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert data == b"\0" * 500
    assert calls >= 3, "passed over in steps, so that nobody waits for it"
    assert peak < 2_000_000


def test_a_read_that_is_repeated_gives_the_same() -> None:
    with inflated(gzip.compress(bytes(range(256)) * 10)) as content:
        first = content.read(500, 100)
        assert content.read(500, 100) == first


@pytest.mark.parametrize("padding", [b"\0" * 512, b""])
def test_padding_after_the_end_is_nothing(padding: bytes) -> None:
    with inflated(gzip.compress(b"line\n") + padding) as content:
        assert read_all(content) == b"line\n"
        assert content.damage == ""
