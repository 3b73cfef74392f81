"""exporters/fluentd/handshake.py"""

from __future__ import annotations

import hashlib

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.fluentd.handshake import (
    Credentials,
    Hello,
    Messages,
    Refused,
    check_pong,
    parse_hello,
    ping,
)

WHO = Credentials("agent-7", b"s3cret", "shipper", b"pass\xc3\xa4")
NONCE = bytes(range(240, 256))
HELLO = Hello(NONCE, b"\xff" * 16, True)


def sha(*parts: bytes) -> str:
    return hashlib.sha512(b"".join(parts)).hexdigest()


def read(raw: bytes) -> object:
    return Messages().feed(raw)


def hello(options: dict[str, object], *, as_str: bool = False) -> Hello:
    return parse_hello(read(msgpack.packb(["HELO", options], use_bin_type=not as_str)))


@pytest.mark.parametrize("as_str", [False, True])
def test_random_bytes_are_read_as_bin_and_as_text_that_is_none(as_str: bool) -> None:
    options = {"nonce": NONCE, "auth": b"\xff\xfe", "keepalive": True}
    assert hello(options, as_str=as_str) == Hello(NONCE, b"\xff\xfe", True)


def test_fluent_bit_leaves_keepalive_out() -> None:
    assert hello({"nonce": NONCE, "auth": ""}) == Hello(NONCE, b"", True)
    assert hello({"nonce": NONCE, "keepalive": False}).keepalive is False


def test_a_ping_proves_key_and_password() -> None:
    name, said, salt, key, user, login = msgpack.unpackb(ping(HELLO, WHO, "salt"))
    assert (name, said, salt, user) == ("PING", "agent-7", "salt", "shipper")
    assert key == sha(b"salt", b"agent-7", NONCE, b"s3cret")
    assert login == sha(b"\xff" * 16, b"shipper", b"pass\xc3\xa4")


def test_fluentds_auth_without_a_login_gets_a_digest_over_nothing() -> None:
    *_rest, user, login = msgpack.unpackb(ping(HELLO, Credentials("a", b"k"), "salt"))
    assert (user, login) == ("", sha(b"\xff" * 16))


def test_an_empty_auth_gets_no_name_and_no_digest() -> None:
    *_rest, user, login = msgpack.unpackb(ping(Hello(NONCE, b"", True), WHO, "salt"))
    assert (user, login) == ("", "")


def pong(*message: object) -> None:
    check_pong(read(msgpack.packb(["PONG", *message])), HELLO, WHO, "salt")


def test_a_server_that_has_the_key_is_believed() -> None:
    pong(True, "", "server", sha(b"salt", b"server", NONCE, b"s3cret"))


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ((False, "no such user", "server", ""), "refuses us: no such user"),
        ((True, "", "server", sha(b"salt", b"server", NONCE, b"other")), "does not have the"),
        ((True, "", "server", ""), "does not have the shared key"),
        ((True, "", "agent-7", sha(b"salt", b"agent-7", NONCE, b"s3cret")), "our own name"),
        ((True,), "not a PONG"),
        ((1, "", "server", sha(b"salt", b"server", NONCE, b"s3cret")), "not a PONG"),
    ],
)
def test_any_other_answer_is_refused_in_words(message: tuple[object, ...], words: str) -> None:
    with pytest.raises(Refused, match=words):
        pong(*message)


def test_a_message_may_come_byte_by_byte_and_nothing_may_follow_it() -> None:
    raw = msgpack.packb(["HELO", {"nonce": NONCE}])
    messages = Messages()
    assert [messages.feed(raw[at : at + 1]) for at in range(len(raw) - 1)] == [None] * (
        len(raw) - 1
    )
    assert parse_hello(messages.feed(raw[-1:])).nonce == NONCE
    with pytest.raises(Refused, match="more than it was asked"):
        read(raw + raw)


@given(st.binary(max_size=200))
def test_no_bytes_of_a_server_do_anything_but_get_refused(raw: bytes) -> None:
    try:
        message = read(raw)
        if message is not None:
            parse_hello(message)
    except Refused:
        pass
    try:
        message = read(raw)
        if message is not None:
            check_pong(message, HELLO, WHO, "salt")
    except Refused:
        pass


@given(
    st.recursive(
        st.none() | st.booleans() | st.binary() | st.text() | st.integers(0, 2**32),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_no_message_but_a_hello_is_one(message: object) -> None:
    for whole in (message, ["HELO", message], ["HELO", {"nonce": message}]):
        try:
            found = parse_hello(read(msgpack.packb(whole)))
        except Refused:
            continue
        assert isinstance(found.nonce, bytes)
