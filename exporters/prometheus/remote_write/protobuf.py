"""The little of protobuf's wire format that remote write needs.

Docs    https://protobuf.dev/programming-guides/encoding/

    field = key value           key = number << 3 | type, a varint
    type 0                      varint: seven bits a byte, the lowest first, 0x80 "there is more"
    type 1                      eight bytes, little endian
    type 2                      length, a varint, and that many bytes
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

VARINT: Final = 0
FIXED64: Final = 1
BYTES: Final = 2

double = struct.Struct("<d").pack
"""A number as eight bytes."""


class Malformed(ValueError):
    """Bytes that are not the message they should be."""


def varint(number: int) -> bytes:
    """Encode a number that is not negative."""
    if number < 0x80:
        return bytes((number,))
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def padded_varint(number: int, length: int) -> bytes:
    """Encode in exactly `length` bytes, with zeros on top, which every decoder takes."""
    out = bytearray((number >> 7 * place) & 0x7F | 0x80 for place in range(length))
    out[-1] &= 0x7F
    if number >> 7 * length:
        raise ValueError(f"{number} does not fit {length} bytes")
    return bytes(out)


def key(number: int, wire_type: int) -> bytes:
    """The key before a field's value."""
    return varint(number << 3 | wire_type)


def field(number: int, value: bytes) -> bytes:
    """A field of bytes, text or a message."""
    return key(number, BYTES) + varint(len(value)) + value


def number_field(number: int, value: int) -> bytes:
    """A field of a whole number; nothing for 0, which is what a missing one means."""
    return key(number, VARINT) + varint(value) if value else b""


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """(number, where it ends). Raises `Malformed`."""
    number = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise Malformed(f"varint at byte {at}")
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
        shift += 7


def read_fields(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(number, content) of every field; content that is no bytes field's is as written."""
    at, end = 0, len(data)
    while at < end:
        tag, start = read_varint(data, at)
        wire_type = tag & 7
        if wire_type == BYTES:
            size, start = read_varint(data, start)
            at = start + size
        elif wire_type == FIXED64:
            at = start + 8
        elif wire_type == VARINT:
            at = read_varint(data, start)[1]
        else:
            raise Malformed(f"wire type {wire_type} at byte {at}")
        if at > end:
            raise Malformed(f"a field ends at byte {at} of {end}")
        yield tag >> 3, data[start:at]
