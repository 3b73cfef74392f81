"""Basic authentication: who gets in, and what it costs."""

from __future__ import annotations

import base64

import bcrypt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.web.passwords import Passwords


def hashed(password: bytes) -> bytes:
    return bcrypt.hashpw(password, bcrypt.gensalt(4))


USERS = {"alice": hashed(b"right"), "böb:": hashed(b"x")}


def basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def test_the_right_password_gets_in_and_no_other() -> None:
    passwords = Passwords(USERS)
    assert passwords.accept(basic("alice", "right"))
    assert not passwords.accept(basic("alice", "wrong"))
    assert not passwords.accept(basic("alice", ""))
    assert not passwords.accept(basic("bob", "right"))
    assert not passwords.accept("")


def test_bcrypt_is_asked_once_for_a_right_password_and_each_time_for_a_wrong_one() -> None:
    passwords = Passwords(USERS)
    for _ in range(5):
        assert passwords.accept(basic("alice", "right"))
    assert passwords.hashed == 1
    for _ in range(3):
        assert not passwords.accept(basic("alice", "wrong"))
    assert passwords.hashed == 4
    assert passwords.accept(basic("alice", "right"))
    assert passwords.hashed == 4


def test_an_unknown_name_costs_as_much_as_a_wrong_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[bytes] = []
    check = bcrypt.checkpw

    def watched(password: bytes, value: bytes) -> bool:
        asked.append(value)
        return check(password, value)

    monkeypatch.setattr(bcrypt, "checkpw", watched)
    passwords = Passwords({"a": hashed(b"x"), "b": bcrypt.hashpw(b"x", bcrypt.gensalt(5))})
    assert not passwords.accept(basic("nobody", "x"))
    # One hash, of the highest cost there is.
    (value,) = asked
    assert value[:7] == b"$2b$05$"


def test_a_password_of_more_than_72_bytes_is_taken_as_bcrypt_takes_it() -> None:
    long = "p" * 72
    passwords = Passwords({"alice": hashed(long.encode())})
    assert passwords.accept(basic("alice", long + "anything"))
    assert not passwords.accept(basic("alice", long[:-1]))


@pytest.mark.parametrize("prefix", [b"$2a$", b"$2b$", b"$2y$"])
def test_hashes_of_every_tool_are_taken(prefix: bytes) -> None:
    passwords = Passwords({"alice": prefix + hashed(b"right")[4:]})
    assert passwords.accept(basic("alice", "right"))


def test_what_is_remembered_is_bounded_and_holds_no_password() -> None:
    passwords = Passwords({f"u{n}": hashed(b"hunter2") for n in range(1)})
    assert passwords.accept(basic("u0", "hunter2"))
    assert b"hunter2" not in b"".join(passwords._right)
    for n in range(300):
        passwords._right[b"%d" % n] = None
    assert not passwords.accept(basic("u0", "other"))
    passwords._right.clear()
    assert passwords.accept(basic("u0", "hunter2"))
    assert len(passwords._right) <= 100


@given(st.text())
def test_any_header_is_refused_or_accepted(header: str) -> None:
    assert Passwords({}).accept(header) is False


@given(st.binary(max_size=30))
def test_any_encoded_pair_is_refused(pair: bytes) -> None:
    assert not Passwords(USERS).accept("Basic " + base64.b64encode(pair).decode())
