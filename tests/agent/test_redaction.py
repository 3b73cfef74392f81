from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import redaction


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("--password=hunter2", "--password=[redacted]"),
        ("DB_PASSWORD=hunter2 next", "DB_PASSWORD=[redacted] next"),
        ("--api-key=abc --x=1", "--api-key=[redacted] --x=1"),
        ('{"token": "abc", "n": 1}', '{"token": "[redacted]", "n": 1}'),
        ("postgres://app:hunter2@db:5432/shop", "postgres://app:[redacted]@db:5432/shop"),
        ("Authorization: Bearer abcdefghijkl", "Authorization: [redacted] [redacted:bearer]"),
        ("x Abcdefghijklmnopqrstuvwxyz0123456789 y", "x [redacted] y"),
        ("key AKIAIOSFODNN7EXAMPLE", "key [redacted:aws]"),
    ],
)
def test_a_secret_is_not_shown(written: str, shown: str) -> None:
    assert redaction.text(written) == shown


@pytest.mark.parametrize(
    "written",
    [
        *("", "web", "nginx -g 'daemon off;'", "/var/lib/docker/overlay2/0123456789abcdef/merged"),
        "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        *("--passes=3", "--tokenizer=fast", "bypass=1", "author=me", "http://db:5432/x", "a:b@c"),
        "registry.example.com:5000/Team/Image-With-A-Long-Name-0123456789:v1",
    ],
)
def test_what_is_no_secret_stays(written: str) -> None:
    assert redaction.text(written) == written


def test_the_argument_after_an_option_is_its_value() -> None:
    args = ["db", "--password", "hunter2", "-v", "--token", "--next", "x"]
    shown = ["db", "--password", "[redacted]", "-v", "--token", "--next", "x"]
    assert redaction.arguments(args) == shown


@given(st.text())
def test_what_was_redacted_is_not_redacted_again(written: str) -> None:
    once = redaction.text(written)
    assert redaction.text(once) == once
