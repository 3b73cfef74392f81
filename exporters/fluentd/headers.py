"""msgpack's headers: type and length, in the fewest bytes. No I/O.

    83        a map of three pairs       de 00 10      of sixteen
    a3        a string of three bytes    d9 20         of thirty-two

Spec    https://github.com/msgpack/msgpack/blob/master/spec.md
"""

from __future__ import annotations

from functools import cache
from typing import Final

LONGEST: Final = 17_000
"""Bytes of a string whose header is kept. A runtime's piece of a line has 16 KiB."""


class Headers(dict[int, bytes]):
    """Length of a string → what always comes before it, and its header. Made when asked for."""

    def __init__(self, before: bytes) -> None:
        super().__init__()
        self._before = before

    def __missing__(self, length: int) -> bytes:
        header = self._before + string_header(length)
        if length <= LONGEST:
            self[length] = header
        return header


@cache
def headers_after(before: bytes) -> Headers:
    """Return the headers of strings after `before`: the same for all containers."""
    return Headers(before)


def map_header(pairs: int) -> bytes:
    """Of a map with at most 65,535 pairs."""
    return bytes((0x80 | pairs,)) if pairs < 16 else b"\xde" + pairs.to_bytes(2, "big")


def string_header(length: int) -> bytes:
    """Of a string of `length` bytes."""
    if length < 32:
        return bytes((0xA0 | length,))
    if length < 1 << 8:
        return b"\xd9" + length.to_bytes(1, "big")
    if length < 1 << 16:
        return b"\xda" + length.to_bytes(2, "big")
    return b"\xdb" + length.to_bytes(4, "big")


def binary_header(length: int) -> bytes:
    """Of `length` bytes that are no string."""
    if length < 1 << 8:
        return b"\xc4" + length.to_bytes(1, "big")
    if length < 1 << 16:
        return b"\xc5" + length.to_bytes(2, "big")
    return b"\xc6" + length.to_bytes(4, "big")
