"""exporters/graylog/gelf.py"""

from __future__ import annotations

import json
import re

from hypothesis import given
from hypothesis import strategies as st

from agent.logs.chunk import Entry
from exporters.graylog.gelf import MOST_PIECES, GelfEncoder, datagrams, messages
from tests.log_entries import ENTRIES, FIELDS, entry

WHO = {"container_name": "web", "container_id": "ab" * 32}
BLANK = "".join(map(chr, range(33)))
TAKEN = {"version", "host", "short_message", "timestamp", "level"}


def decode(payload: bytes) -> list[dict[str, object]]:
    """Every message, checked as a strict server does."""
    assert not payload or payload.endswith(b"\0")
    found = []
    for raw in messages(payload):
        message = json.loads(raw)
        assert message["version"] == "1.1"
        assert message["host"]
        assert message["short_message"].strip(BLANK).strip()
        assert 0 <= message["level"] <= 7
        for key, value in message.items():
            if key not in TAKEN:
                assert re.fullmatch(r"_[\w.-]+|_", key, re.ASCII), key
                assert key != "_id"
                assert isinstance(value, str), (key, value)
        found.append(message)
    return found


def test_an_entry_is_a_message() -> None:
    payload = GelfEncoder(WHO, "node-7").encode([entry('say "hi"')])
    assert b'"timestamp":1795490176.105173157,' in payload, "to the nanosecond"
    (message,) = decode(payload)
    del message["timestamp"]
    assert message == {
        "version": "1.1", "host": "node-7", "short_message": 'say "hi"', "level": 6,
        "_stream": "stdout", "_container_name": "web", "_container_id": "ab" * 32,
    }  # fmt: skip


def test_a_level_is_what_the_line_says_or_else_what_its_stream_means() -> None:
    lines = [entry("a"), entry("a", stream="stderr"), entry("a", stream="", note="unparsed"),
             entry("a", stream="stderr", level="debug"), entry("a", level="fatal"),
             entry("a", level="other")]  # fmt: skip
    assert [one["level"] for one in decode(GelfEncoder({}, "n").encode(lines))] == [
        6, 3, 6, 7, 2, 6,
    ]  # fmt: skip


def test_an_empty_line_is_a_message_that_says_so() -> None:
    (message,) = decode(GelfEncoder({}, "n").encode([entry("  ")]))
    assert (message["short_message"], message["_note"]) == ("-", "empty")


def test_names_a_server_does_not_take_are_made_some_it_does() -> None:
    line: Entry = (1, "", b"a", {"id": "7", "attrs": {"com.shop/team": "x", "ä b": "y"}}, False)
    (message,) = decode(GelfEncoder({}, "").encode([line]))
    assert message["_id_"] == "7"
    assert message["_attrs_com.shop_team"] == "x"
    assert message["_attrs___b"] == "y"
    assert message["host"] == "-"


@given(ENTRIES, FIELDS)
def test_any_entry_is_a_message_with_its_text(entries: list[Entry], fields: dict[str, str]) -> None:
    found = decode(GelfEncoder(fields, "node").encode(entries))
    for message, one in zip(found, entries, strict=True):
        text = one[2].decode()
        assert message["short_message"] == text or (
            message["short_message"] == "-" and not text.strip(BLANK).strip()
        )


@given(st.text(min_size=1, max_size=3000), st.integers(600, 2000))
def test_a_text_is_cut_until_its_message_fits(text: str, most: int) -> None:
    (raw,) = messages(GelfEncoder(WHO, "node", most).encode([entry(text)]))
    message = decode(raw + b"\0")[0]
    if message.get("_note") == "cut":
        assert len(raw) < most
        assert text.startswith(str(message["short_message"])) or message["short_message"] == "-"
    elif text.strip(BLANK).strip():
        assert message["short_message"] == text


def assemble(pieces: list[bytes]) -> bytes:
    """As a server does."""
    if len(pieces) == 1:
        return pieces[0]
    (identity,) = {piece[2:10] for piece in pieces}
    assert all(piece[:2] == b"\x1e\x0f" and piece[11] == len(pieces) for piece in pieces)
    assert [piece[10] for piece in pieces] == list(range(len(pieces)))
    assert identity == b"identity"
    return b"".join(piece[12:] for piece in pieces)


@given(st.binary(max_size=70_000), st.integers(512, 8192))
def test_pieces_are_within_the_size_and_make_the_message(message: bytes, size: int) -> None:
    pieces = datagrams(message, size, b"identity")
    if pieces is None:
        assert len(message) > MOST_PIECES * (size - 12)
        return
    assert len(pieces) <= MOST_PIECES
    assert all(len(piece) <= size for piece in pieces)
    assert assemble(pieces) == message


def test_128_pieces_are_the_most() -> None:
    whole = datagrams(bytes(MOST_PIECES * 500), 512, b"identity")
    assert whole is not None
    assert len(whole) == MOST_PIECES
    assert datagrams(bytes(MOST_PIECES * 500 + 1), 512, b"identity") is None
