"""agent/logs/processing/redact.py"""

from __future__ import annotations

import base64
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.log_rules import KINDS
from agent.logs.entry import Entry
from agent.logs.processing.redact import Redactor, luhn

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NSJ9.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
BASIC = base64.b64encode(b"user:hunter2").decode()


def entry(text: str, stream: str = "stdout") -> Entry:
    return 1, stream, text.encode(), None, False


def redacted(*texts: str, kinds: tuple[str, ...] = KINDS, own: tuple[str, ...] = ()) -> list[str]:
    return [e[2].decode() for e in Redactor(kinds, own).redact([entry(text) for text in texts])]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Authorization: Bearer abc123DEF456ghi789", "Authorization: Bearer [redacted:bearer]"),
        (f"authorization: bearer {JWT} x", "authorization: bearer [redacted:bearer] x"),
        (f"Authorization: Basic {BASIC}", "Authorization: Basic [redacted:basic]"),
        ("key AKIAIOSFODNN7EXAMPLE.", "key [redacted:aws]."),
        (
            "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "aws_secret_access_key = [redacted:aws]",
        ),
        (
            '{"SecretAccessKey":"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}',
            '{"SecretAccessKey":"[redacted:aws]"}',
        ),
        (f"token={JWT};", "token=[redacted:jwt];"),
        ("push with ghp_" + "a1B2" * 9 + ".", "push with [redacted:token]."),
        ("github_pat_11ABCDEFG0abcdefghijkl_" + "x" * 59, "[redacted:token]"),
        ("glpat-abcdefghij1234567890", "[redacted:token]"),
        ('"xoxb-123456789012-1234567890123-abcdefgh"', '"[redacted:token]"'),
        ("key=AIza" + "SyA12" * 7, "key=[redacted:token]"),
        ("sk_live_4eC39HqLyjWDarjtT1zdp7dc", "[redacted:token]"),
        (
            "postgres://app:s3cr3t@db.example.org/x",
            "postgres://app:[redacted:url]@db.example.org/x",
        ),
        ("password=hunter2 user=jo", "password=[redacted:password] user=jo"),
        ('{"password": "two words", "a": 1}', '{"password": "[redacted:password]", "a": 1}'),
        (r'{"log":"{\"passwd\":\"x y\",1}"}', r'{"log":"{\"passwd\":\"[redacted:password]\",1}"}'),
        ("DB_PWD: 'it'; API-KEY=k", "DB_PWD: '[redacted:password]'; API-KEY=[redacted:password]"),
        (f"access_token={JWT}", "access_token=[redacted:jwt]"),
        ("card 4111 1111 1111 1111 ok", "card [redacted:card] ok"),
        ("card=378282246310005", "card=[redacted:card]"),
        ("5555-5555-5555-4444", "[redacted:card]"),
        ("mail to jo.doe+x@mail.example.org now", "mail to [redacted:email] now"),
        (
            "k -----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY----- z",
            "k [redacted:private-key] z",
        ),
    ],
)
def test_a_secret_is_replaced_by_its_kind(before: str, after: str) -> None:
    assert redacted(before) == [after]


@pytest.mark.parametrize(
    "text",
    [
        "basic authentication is on",
        "Bearer of news",
        "1795000000000000000 ns since 1970",
        "4111 1111 1111 1112",
        "order 123456789012",
        "a@b",
        "user@localhost said @all",
        "AKIA is short",
        "eyJ.not.one",
        "-----BEGIN PUBLIC KEY-----",
        "v1.4111111111111111",
        "sha256:6011111111111117aaaa",
        "npm_config_cache is set",
        "the password is wrong",
        "http://host:8080/a@b",
        "msg.sg.short",
    ],
)
def test_what_only_looks_like_one_stays(text: str) -> None:
    assert redacted(text) == [text]


def test_a_key_written_line_by_line_is_hidden_to_its_end_in_its_stream() -> None:
    redactor = Redactor(("private-key",))
    lines = [
        "-----BEGIN PRIVATE KEY-----",
        "MIIEvQIBADANBg",
        "kqhkiG9w0BAQEF",
        "-----END PRIVATE KEY-----",
    ]
    out = redactor.redact([entry(lines[0]), entry("other", "stderr"), entry(lines[1])])
    out += redactor.redact([entry(lines[2])])
    out += redactor.redact([entry(lines[3] + " done"), entry("plain")])
    mark = b"[redacted:private-key]"
    assert [e[2] for e in out] == [mark, b"other", mark, mark, mark + b" done", b"plain"]
    assert redactor.count == 1


def test_a_key_without_an_end_does_not_hide_everything_after_it() -> None:
    redactor = Redactor(("private-key",))
    redactor.redact([entry("-----BEGIN PRIVATE KEY-----")])
    out = redactor.redact([entry("x") for _ in range(300)])
    assert 0 < sum(e[2] == b"x" for e in out) < 300


def test_own_expressions_have_own_names() -> None:
    assert redacted("id=sid-0a1b, sid-ff", kinds=(), own=("session=sid-[0-9a-f]+",)) == [
        "id=[redacted:session], [redacted:session]"
    ]


def test_secrets_are_counted() -> None:
    redactor = Redactor(KINDS)
    redactor.redact([entry("a@b.org, c@d.org"), entry("4111111111111111"), entry("nothing")])
    assert redactor.count == 3


def test_only_what_is_asked_for_is_replaced() -> None:
    assert redacted("a@b.org 4111111111111111", kinds=("card",)) == ["a@b.org [redacted:card]"]


@pytest.mark.parametrize(
    "text",
    ["a" * 400_000, "1" * 400_000, "a@" * 200_000, "eyJ" * 130_000, "bearer " * 60_000,
     "4 " * 200_000, "a." * 200_000 + "@", "x@" + "a." * 200_000,
     "password=" * 40_000, "://" * 130_000, "://a:" * 80_000, "xoxb-" * 80_000, "pwd:'" * 80_000,
     "-----BEGIN PRIVATE KEY-----" * 9000],
)  # fmt: skip
def test_the_longest_line_takes_linear_time(text: str) -> None:
    began = time.process_time()
    redacted(text)
    assert time.process_time() - began < 2.0


@given(st.integers(10**11, 10**18))
def test_exactly_one_check_digit_passes(number: int) -> None:
    assert sum(luhn(b"%d%d" % (number, digit)) for digit in range(10)) == 1


@given(st.lists(st.text()))
def test_any_text_stays_valid_and_keeps_its_place(texts: list[str]) -> None:
    entries: list[Entry] = [
        (n, "stdout", t.encode("utf-8", "replace"), None, False) for n, t in enumerate(texts)
    ]
    out = Redactor(KINDS).redact(entries)
    assert [e[0] for e in out] == list(range(len(texts)))
    for e in out:
        e[2].decode()
