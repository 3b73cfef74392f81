"""Writing protobuf's wire format (agent/protobuf.py), as much of it as remote write needs."""

from __future__ import annotations

import struct

from agent.protobuf import BYTES, VARINT

double = struct.Struct("<d").pack
"""A number as eight bytes."""


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
