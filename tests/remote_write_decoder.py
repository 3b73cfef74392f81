"""A strict decoder of remote write's two messages, written from the specification.

It shares nothing with the encoder: fields out of place, wrong wire types, lengths that do not add
up, refs beyond the table, labels out of order, twice or empty, all raise.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass

STALE_BITS = 0x7FF0000000000002


@dataclass(frozen=True)
class Written:
    """One series with its one sample."""

    labels: tuple[tuple[str, str], ...]
    value: float
    stale: bool
    milliseconds: int
    type: int = 0
    help: str = ""
    unit: str = ""

    @property
    def name(self) -> str:
        return dict(self.labels)["__name__"]


@dataclass(frozen=True)
class Metadata1:
    """A 1.0 request's metadata of one family."""

    type: int
    name: str
    help: str


def fields(data: bytes) -> Iterator[tuple[int, int, bytes | int]]:
    """(number, wire type, value)."""
    at = 0

    def varint() -> int:
        nonlocal at
        value = 0
        for place in range(10):
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << (7 * place)
            if not byte & 0x80:
                return value
        raise AssertionError("a varint of more than ten bytes")

    while at < len(data):
        tag = varint()
        number, kind = tag >> 3, tag & 7
        assert number > 0
        if kind == 0:
            yield number, kind, varint()
        elif kind == 1:
            assert at + 8 <= len(data)
            yield number, kind, data[at : at + 8]
            at += 8
        else:
            assert kind == 2, f"wire type {kind}"
            size = varint()
            assert at + size <= len(data), "a field beyond the end"
            yield number, kind, data[at : at + size]
            at += size


def decode_2(body: bytes) -> list[Written]:
    symbols: list[str] = []
    series: list[bytes] = []
    for number, kind, value in fields(body):
        assert kind == 2
        assert isinstance(value, bytes)
        if number == 4:
            symbols.append(value.decode())
        else:
            assert number == 5
            series.append(value)
    assert symbols[0] == ""
    assert len(set(symbols)) == len(symbols)
    return [_series_2(one, symbols) for one in series]


def decode_1(body: bytes) -> tuple[list[Written], list[Metadata1]]:
    series = []
    metadata = []
    for number, kind, value in fields(body):
        assert kind == 2
        assert isinstance(value, bytes)
        if number == 1:
            series.append(_series_1(value))
        else:
            assert number == 3
            found = {n: v for n, _, v in fields(value)}
            metadata.append(Metadata1(_int(found.get(1, 0)), _text(found[2]), _text(found[4])))
    return series, metadata


def _series_2(data: bytes, symbols: list[str]) -> Written:
    refs: list[int] = []
    sample = b""
    kind, text, unit = 0, "", ""
    for number, wire, value in fields(data):
        assert wire == 2
        assert isinstance(value, bytes)
        if number == 1:
            assert not refs
            refs = _packed(value)
        elif number == 2:
            assert not sample
            sample = value
        else:
            assert number == 5
            found = {n: v for n, _, v in fields(value)}
            assert found.keys() <= {1, 3, 4}
            kind = _int(found.get(1, 0))
            text = symbols[_int(found.get(3, 0))]
            unit = symbols[_int(found.get(4, 0))]
    assert len(refs) % 2 == 0
    texts = [symbols[ref] for ref in refs]
    labels = tuple(zip(texts[::2], texts[1::2], strict=True))
    return _written(labels, sample, kind, text, unit)


def _series_1(data: bytes) -> Written:
    labels = []
    sample = b""
    for number, wire, value in fields(data):
        assert wire == 2
        assert isinstance(value, bytes)
        if number == 1:
            found = {n: v for n, _, v in fields(value)}
            assert found.keys() == {1, 2}
            labels.append((_text(found[1]), _text(found[2])))
        else:
            assert number == 2
            assert not sample
            sample = value
    return _written(tuple(labels), sample)


def _written(
    labels: tuple[tuple[str, str], ...],
    sample: bytes,
    kind: int = 0,
    text: str = "",
    unit: str = "",
) -> Written:
    names = [name for name, _ in labels]
    assert names == sorted(set(names)), names
    assert "__name__" in names
    assert all(name and value for name, value in labels), labels
    found = [(number, wire) for number, wire, _ in fields(sample)]
    assert found == [(1, 1), (2, 0)], found
    (_, _, value), (_, _, milliseconds) = fields(sample)
    assert isinstance(value, bytes)
    (number,) = struct.unpack("<d", value)
    stale = int.from_bytes(value, "little") == STALE_BITS
    assert stale or not math.isnan(number)
    return Written(labels, number, stale, _int(milliseconds), kind, text, unit)


def _packed(data: bytes) -> list[int]:
    numbers = []
    value = shift = 0
    for byte in data:
        value |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            numbers.append(value)
            value = shift = 0
    assert shift == 0
    return numbers


def _int(value: bytes | int) -> int:
    assert isinstance(value, int)
    return value


def _text(value: bytes | int) -> str:
    assert isinstance(value, bytes)
    return value.decode()
