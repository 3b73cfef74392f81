from __future__ import annotations

import os

import orjson
from hypothesis import given
from hypothesis import strategies as st

from agent.encodable import encodable, escaped, visible

names = st.binary(max_size=40).map(os.fsdecode)
"""As the kernel has them: any bytes."""


@given(names, names)
def test_two_names_stay_two_on_a_page(one: str, other: str) -> None:
    encodable(one).encode()
    if "\\x" not in one + other:
        assert (encodable(one) == encodable(other)) is (one == other)


def test_a_byte_that_is_no_utf_8_is_written_out() -> None:
    name = os.fsdecode(b"caf\xe9")
    assert encodable(name) == "caf\\xe9"
    assert escaped(name) == "caf\\udce9"
    assert visible(name) == "caf\\udce9"


@given(names)
def test_a_document_takes_every_name(name: str) -> None:
    assert orjson.loads(orjson.dumps(escaped(name))) == escaped(name)


@given(names)
def test_a_terminal_gets_nothing_that_moves_its_cursor(name: str) -> None:
    assert visible(name).isprintable()


def test_a_sequence_of_control_characters_is_seen_as_one() -> None:
    assert visible("\x1b[2Jweb\n") == "\\x1b[2Jweb\\n"


def test_text_that_needs_nothing_stays() -> None:
    for text in ("web", "日本", "a b"):
        assert encodable(text) == escaped(text) == visible(text) == text
