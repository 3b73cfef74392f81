"""agent.compression: gzip piece by piece, and when a client takes it."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import compression
from agent.compression import accepted, compress


@pytest.mark.parametrize(
    ("header", "taken"),
    [
        ("", False),
        ("gzip", True),
        ("GZIP", True),
        ("identity, gzip;q=0.5", True),
        ("gzip;q=0", False),
        ("gzip; q=0.0, *", False),
        ("*", True),
        ("*;q=0", False),
        ("deflate, br", False),
        ("gzip;q=nonsense", False),
    ],
)
def test_gzip_is_used_when_the_header_allows_it(header: str, taken: bool) -> None:
    assert accepted(header) is taken


@given(st.text())
def test_no_header_breaks_it(header: str) -> None:
    assert accepted(header) in (True, False)


@given(st.lists(st.binary()))
def test_compressed_pieces_decompress_to_the_whole(pieces: list[bytes]) -> None:
    assert gzip.decompress(b"".join(compress(pieces))) == b"".join(pieces)


def test_without_the_faster_library_zlib_does_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compression, "BY", "zlib")
    assert gzip.decompress(b"".join(compress([b"a 1\n", b"b 2\n"]))) == b"a 1\nb 2\n"
