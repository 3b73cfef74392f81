"""Remote Write 2.0's message, and what of it 1.0 has.

Docs    https://prometheus.io/docs/specs/prw/remote_write_spec_2_0/

    io.prometheus.write.v2.Request   4 symbols: text, each     5 timeseries: TimeSeries, each
    TimeSeries   1 labels_refs: packed places in symbols, name and value in turn, names in order
                 2 samples: Sample   5 metadata: Metadata
    Sample       1 value: double     2 timestamp: milliseconds
    Metadata     1 type              3 help_ref               4 unit_ref

    prometheus.WriteRequest          1 timeseries: TimeSeries  3 metadata: MetricMetadata
    TimeSeries   1 labels: Label     2 samples: Sample, as above
    Label        1 name              2 value
    MetricMetadata  1 type  2 metric_family_name  4 help  5 unit
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from agent.protobuf import BYTES, Malformed, read_fields, read_varint
from exporters.prometheus.remote_write.protobuf import (
    field,
    key,
    number_field,
    padded_varint,
    varint,
)

TYPES: Final = {"counter": 1, "gauge": 2, "histogram": 3, "summary": 5, "info": 6, "stateset": 7}
"""Numbers of metric types, the same in both versions; 0 is unknown."""
STALE: Final = (0x7FF0000000000002).to_bytes(8, "little")
"""The NaN that says: this series has ended."""

_TIMESTAMP_BYTES: Final = 6
"""Enough until the year 2109, and always as many, so that a series' length does not change."""
_SAMPLE_BYTES: Final = 1 + 8 + 1 + _TIMESTAMP_BYTES
_SAMPLE: Final = key(2, BYTES) + varint(_SAMPLE_BYTES) + key(1, 1)
"""What stands before a sample's value."""
_TIMESTAMP_KEY: Final = key(2, 0)


class Symbols:
    """The table of texts of a request. It grows; whoever drops it drops the refs, too."""

    def __init__(self) -> None:
        self._refs: dict[str, int] = {"": 0}
        self._encoded = bytearray(field(4, b""))

    def __len__(self) -> int:
        return len(self._refs)

    def ref(self, text: str) -> int:
        """The place of a text, new or known."""
        found = self._refs.get(text)
        if found is None:
            found = self._refs[text] = len(self._refs)
            self._encoded += field(4, text.encode("utf-8", "replace"))
        return found

    def encoded(self) -> bytes:
        """All of it, as fields of the request."""
        return bytes(self._encoded)


def metadata(symbols: Symbols, kind: str, text: str, unit: str) -> bytes:
    """A series' metadata, as the field of TimeSeries."""
    return field(
        5,
        number_field(1, TYPES.get(kind, 0))
        + number_field(3, symbols.ref(text))
        + number_field(4, symbols.ref(unit)),
    )


def series_start(symbols: Symbols, labels: Iterable[tuple[str, str]], metadata_size: int) -> bytes:
    """
    A TimeSeries up to its sample's value: eight bytes, `timestamp` and the metadata come after it.

    Labels are put in order, and those with an empty value left out, as the protocol wants it.
    """
    refs = b"".join(
        varint(symbols.ref(text)) for label in sorted(labels) if label[1] for text in label
    )
    packed = field(1, refs)
    # The sample's own key and length are two bytes.
    size = len(packed) + 2 + _SAMPLE_BYTES + metadata_size
    return key(5, BYTES) + varint(size) + packed + _SAMPLE


def timestamp(milliseconds: int) -> bytes:
    """What comes after a sample's value."""
    return _TIMESTAMP_KEY + padded_varint(milliseconds, _TIMESTAMP_BYTES)


def to_version_1(request: bytes) -> bytes:
    """Say a 2.0 request in 1.0. Raises `Malformed`."""
    symbols: list[bytes] = []
    out: list[bytes] = []
    families: dict[bytes, bytes] = {}
    names: dict[bytes, bytes] = {}
    for field_ in read_fields(request):
        match field_:
            case 4, bytes(text):
                symbols.append(text)
            case 5, bytes(series):
                out.append(_series_1(series, symbols, names, families))
    return b"".join(out) + b"".join(families.values())


def _series_1(
    series: bytes, symbols: list[bytes], pairs: dict[bytes, bytes], families: dict[bytes, bytes]
) -> bytes:
    labels = samples = b""
    name = b""
    for field_ in read_fields(series):
        match field_:
            case 1, bytes(refs):
                texts = _texts(refs, symbols)
                if len(texts) % 2:
                    raise Malformed("a label without a value")
                for at in range(0, len(texts), 2):
                    pair = texts[at] + b"\0" + texts[at + 1]
                    label = pairs.get(pair)
                    if label is None:
                        label = field(1, field(1, texts[at]) + field(2, texts[at + 1]))
                        pairs[pair] = label
                    labels += label
                    if texts[at] == b"__name__":
                        name = texts[at + 1]
            case 2, bytes(sample):
                samples += field(2, sample)
            case 5, bytes(about) if name not in families:
                families[name] = _metadata_1(name, about, symbols)
    return field(1, labels + samples)


def _metadata_1(name: bytes, content: bytes, symbols: list[bytes]) -> bytes:
    found = {number: value for number, value in read_fields(content) if isinstance(value, int)}
    text, unit = (_symbol(found.get(number, 0), symbols) for number in (3, 4))
    return field(
        3, number_field(1, found.get(1, 0)) + field(2, name) + field(4, text) + field(5, unit)
    )


def _texts(refs: bytes, symbols: list[bytes]) -> list[bytes]:
    texts = []
    at = 0
    while at < len(refs):
        ref, at = read_varint(refs, at)
        texts.append(_symbol(ref, symbols))
    return texts


def _symbol(ref: int, symbols: list[bytes]) -> bytes:
    if ref >= len(symbols):
        raise Malformed(f"symbol {ref} of {len(symbols)}")
    return symbols[ref]
