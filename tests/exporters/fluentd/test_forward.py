"""exporters/fluentd/forward.py, against msgpack and against the strict receiver's own checks."""

from __future__ import annotations

import msgpack
import pytest
from fluent.sender import EventTime
from hypothesis import given
from hypothesis import strategies as st

from agent.logs.chunk import Chunk, Entry
from exporters.fluentd.forward import (
    AckDecoder,
    Compression,
    ForwardEncoder,
    NotAnAck,
    forward_message,
)
from tests.forward_server import decode_entries, decode_message

FIELDS = {"container_name": "web", "container_id": "f" * 64, "image": "démo:1"}
CHUNK_ID = "AAAAAAAAAAAAAAAAAAAAAA=="


def message_of(tag: str, chunk: Chunk, compression: Compression = "none") -> bytes:
    return b"".join(forward_message(tag, chunk, compression))


def entry(content: bytes = b"GET /", stream: str = "stdout", time_ns: int = 1) -> Entry:
    return time_ns, stream, content, None, False


def test_an_entry_is_the_bytes_of_the_specification() -> None:
    payload = ForwardEncoder({"a": "b"}).encode([entry(b"hi", time_ns=1_700_000_000_123_456_789)])
    assert payload == (
        b"\x92\xd7\x00" + (1_700_000_000).to_bytes(4, "big") + (123_456_789).to_bytes(4, "big")
        + b"\x83\xa3log\xa2hi\xa6stream\xa6stdout\xa1a\xa1b"
    )  # fmt: skip


def test_the_time_is_fluent_loggers_own_to_the_nanosecond() -> None:
    time_ns = 1_795_490_176_105_173_157
    ((time, _record),) = _loose(ForwardEncoder({}).encode([entry(time_ns=time_ns)]))
    assert time == EventTime.from_unix_nano(time_ns)


def test_a_line_that_did_not_parse_has_no_stream_and_a_note() -> None:
    payload = ForwardEncoder(FIELDS).encode([(5, "", b"raw", {"note": "unparsed"}, False)])
    assert decode_entries(payload) == [(5, {"log": "raw", **FIELDS, "note": "unparsed"})]


def test_dockers_attrs_are_a_map_in_the_record() -> None:
    payload = ForwardEncoder({}).encode([(5, "stdout", b"x", {"attrs": {"env": "prod"}}, False)])
    ((_time, record),) = _loose(payload)
    assert record == {"log": "x", "stream": "stdout", "attrs": {"env": "prod"}}


def _loose(payload: bytes) -> list[tuple[object, object]]:
    unpacker = msgpack.Unpacker(raw=False)
    unpacker.feed(payload)
    return [(time, record) for time, record in unpacker]


@pytest.mark.parametrize("length", [0, 31, 32, 255, 256, 65535, 65536, 524288])
def test_every_length_has_the_shortest_header(length: int) -> None:
    payload = ForwardEncoder(FIELDS).encode([entry(b"x" * length), entry(b"next")])
    first, second = decode_entries(payload)
    assert first[1]["log"] == "x" * length
    assert second[1]["log"] == "next"


@pytest.mark.parametrize("count", [0, 13, 14, 30])
def test_any_number_of_fields(count: int) -> None:
    fields = {f"field{number}": "v" for number in range(count)}
    ((_time, record),) = decode_entries(ForwardEncoder(fields).encode([entry()]))
    assert record == {"log": "GET /", "stream": "stdout", **fields}


ENTRIES = st.lists(
    st.tuples(
        st.integers(0, (1 << 32) * 10**9 - 1),
        st.sampled_from(["stdout", "stderr", ""]),
        st.text(max_size=40).map(lambda text: text.encode("utf-8", "replace")),
        st.none() | st.just({"note": "cut"}),
        st.just(False),
    )
)


@given(batches=st.lists(ENTRIES, max_size=3))
def test_what_was_encoded_is_what_the_receiver_checks_and_reads(
    batches: list[list[tuple[int, str, bytes, dict[str, str] | None, bool]]],
) -> None:
    encoder = ForwardEncoder(FIELDS)
    entries: list[Entry] = [
        (time, stream, content, {**extra} if extra else None, partial)
        for batch in batches
        for time, stream, content, extra, partial in batch
    ]
    payload = b""
    at = 0
    for batch in batches:
        payload += encoder.encode(entries[at : at + len(batch)])
        at += len(batch)
    message = decode_message(message_of("tag", Chunk(CHUNK_ID, (payload,), len(entries))))
    assert message.tag == "tag"
    assert message.chunk == CHUNK_ID
    for (time, record), given_entry in zip(message.records, entries, strict=True):
        assert time == given_entry[0]
        assert record["log"] == given_entry[2].decode()
        assert record.get("stream", "") == given_entry[1]
        assert record.get("note") == (given_entry[3] or {}).get("note")
        assert record["image"] == FIELDS["image"]


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_a_compressed_message_holds_the_same_records_and_says_how_it_is_compressed(
    compression: Compression,
) -> None:
    payload = ForwardEncoder(FIELDS).encode([entry(b"line %d" % number) for number in range(500)])
    chunk = Chunk(CHUNK_ID, (payload,), 500)
    compressed = message_of("t", chunk, compression)
    assert len(compressed) < len(payload) / 4
    assert decode_message(compressed) == decode_message(message_of("t", chunk))
    tag, entries, option = msgpack.unpackb(compressed, raw=False)
    assert tag == "t"
    assert isinstance(entries, bytes), "the protocol wants bin here, not str"
    assert option == {"chunk": CHUNK_ID, "size": 500, "compressed": compression}


def test_a_message_is_never_nil_and_says_how_many_records_it_has() -> None:
    payload = ForwardEncoder({}).encode([entry()] * 300)
    message = message_of("t", Chunk(CHUNK_ID, (payload,), 300))
    assert message[0] == 0x93
    assert msgpack.unpackb(message, raw=False)[2] == {"chunk": CHUNK_ID, "size": 300}


ACKS = b"".join(msgpack.packb({"ack": name}) for name in ("one", "two", "three"))


def test_acks_whole() -> None:
    assert AckDecoder().feed(ACKS) == ["one", "two", "three"]


def test_acks_byte_by_byte() -> None:
    decoder = AckDecoder()
    assert [name for byte in ACKS for name in decoder.feed(bytes((byte,)))] == [
        "one",
        "two",
        "three",
    ]


def test_acks_with_trailing_bytes() -> None:
    decoder = AckDecoder()
    half = msgpack.packb({"ack": "four"})
    assert decoder.feed(ACKS + half[:3]) == ["one", "two", "three"]
    assert decoder.feed(half[3:]) == ["four"]


@pytest.mark.parametrize(
    "data",
    [b"\xc0", b"\xc1", b"{}", b"HTTP/1.1 400 Bad Request", msgpack.packb(["HELO", {}]),
     msgpack.packb({"nack": "x"}), msgpack.packb({"ack": 7}), msgpack.packb({"ack": b"\xff"}),
     b"\x91" * 2000, b"\xdf\xff\xff\xff\xff"],
)  # fmt: skip
def test_anything_else_is_not_an_ack(data: bytes) -> None:
    decoder = AckDecoder()
    with pytest.raises(NotAnAck):
        decoder.feed(data + b"\xc0" * 70_000)


@given(st.lists(st.binary(max_size=50)))
def test_no_bytes_raise_anything_else(pieces: list[bytes]) -> None:
    decoder = AckDecoder()
    try:
        for piece in pieces:
            for name in decoder.feed(piece):
                assert isinstance(name, str)
    except NotAnAck:
        pass


@given(names=st.lists(st.text(max_size=20), max_size=5), junk=st.binary(min_size=1, max_size=20))
def test_acks_before_junk_that_came_earlier_count(names: list[str], junk: bytes) -> None:
    decoder = AckDecoder()
    acks = b"".join(msgpack.packb({"ack": name}) for name in names)
    assert decoder.feed(acks) == names
    try:
        decoder.feed(junk)
    except NotAnAck:
        pass
