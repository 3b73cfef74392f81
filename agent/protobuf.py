"""Reading protobuf's wire format: a message as its fields, whatever they mean.

Docs    https://protobuf.dev/programming-guides/encoding/

    field = key value           key = number << 3 | type, a varint
    type 0                      varint: seven bits a byte, the lowest first, 0x80 "there is more"
    type 1, 5                   eight or four bytes, little endian
    type 2                      length, a varint, and that many bytes
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

VARINT: Final = 0
FIXED64: Final = 1
BYTES: Final = 2
FIXED32: Final = 5


class Malformed(ValueError):
    """Bytes that are not the message they should be."""


def read_fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """(number, value) of every field: a varint's number, or bytes. Raises `Malformed`."""
    at = 0
    while at < len(message):
        key, at = read_varint(message, at)
        kind = key & 7
        if kind == VARINT:
            value, at = read_varint(message, at)
            yield key >> 3, value
            continue
        if kind == BYTES:
            length, at = read_varint(message, at)
        elif kind in (FIXED64, FIXED32):
            length = 8 if kind == FIXED64 else 4
        else:
            raise Malformed(f"wire type {kind} before byte {at}")
        if at + length > len(message):
            raise Malformed(f"a field ends at byte {at + length} of {len(message)}")
        yield key >> 3, message[at : at + length]
        at += length


def read_varint(message: bytes, at: int) -> tuple[int, int]:
    """(the number at byte `at`, where it ends). Raises `Malformed`."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            break
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise Malformed(f"a number without an end before byte {at}")
