"""Protocol Buffers by field number: as much of the wire format as a test needs to drive the CRI.

    encode({1: "web", 4: 2, 6: [{1: "app", 2: "web"}]})     a map is a list of {1: key, 2: value}
    decode(data)                                            {1: [b"web"], 4: [2], 6: [b"…"]}

https://protobuf.dev/programming-guides/encoding/. Numbers are non-negative varints; what is "",
0, False or empty is left out, as proto3 does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

Value: TypeAlias = "str | int | bytes | Mapping[int, Value] | list[Value]"
Message = Mapping[int, Value]
Fields = dict[int, list[int | bytes]]


def labels(of: Mapping[str, str]) -> list[Value]:
    """A map<string, string>."""
    return [{1: key, 2: value} for key, value in of.items()]


def encode(message: Message) -> bytes:
    return b"".join(_field(number, value) for number, value in message.items())


def decode(data: bytes) -> Fields:
    """Every field's values in their order: int for a varint, bytes for what has a length."""
    fields: Fields = {}
    at = 0
    while at < len(data):
        tag, at = _read_varint(data, at)
        value: int | bytes
        if tag & 7 == 0:
            value, at = _read_varint(data, at)
        elif tag & 7 == 2:
            size, at = _read_varint(data, at)
            value, at = data[at : at + size], at + size
        else:
            raise ValueError(f"field {tag >> 3} has the wire type {tag & 7}")
        fields.setdefault(tag >> 3, []).append(value)
    return fields


def text(fields: Fields, number: int) -> str:
    """The text in a field; "" where it is left out."""
    return _data(fields, number).decode()


def child(fields: Fields, number: int) -> Fields:
    """The message in a field; empty where it is left out."""
    return decode(_data(fields, number))


def children(fields: Fields, number: int) -> Iterable[Fields]:
    """The messages in a repeated field."""
    return [decode(value) for value in fields.get(number, ()) if isinstance(value, bytes)]


def integer(fields: Fields, number: int) -> int:
    """The number in a field; 0 where it is left out."""
    value = fields.get(number, [0])[-1]
    assert isinstance(value, int)
    return value


def _data(fields: Fields, number: int) -> bytes:
    value = fields.get(number, [b""])[-1]
    assert isinstance(value, bytes)
    return value


def _field(number: int, value: Value) -> bytes:
    if isinstance(value, list):
        return b"".join(_field(number, item) for item in value)
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value) if value else b""
    if isinstance(value, str):
        value = value.encode()
    is_message = isinstance(value, Mapping)
    data = encode(value) if isinstance(value, Mapping) else value
    # A message may be there and empty.
    if not data and not is_message:
        return b""
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _varint(number: int) -> bytes:
    data = bytearray()
    while number > 127:
        data.append(number & 127 | 128)
        number >>= 7
    data.append(number)
    return bytes(data)


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = data[at]
        at += 1
        number |= (byte & 127) << shift
        if byte < 128:
            return number, at
        shift += 7
