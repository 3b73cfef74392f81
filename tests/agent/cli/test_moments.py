"""agent/cli/moments.py"""

from __future__ import annotations

import pytest

from agent.cli.moments import moment

NOW = 1_795_000_000_000_000_000
SECOND = 1_000_000_000


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("5m", 300), ("1h30m", 5400), ("90s", 90), ("2d", 172_800), ("1.5h", 5400), ("1w", 604_800)],
)
def test_so_long_ago(text: str, seconds: int) -> None:
    assert moment(text, NOW) == NOW - seconds * SECOND


def test_iso_8601_to_the_microsecond() -> None:
    assert moment("2026-11-18T11:46:40.123456Z") == 1_795_002_400_123_456_000
    assert moment("2026-11-18T13:46:40.123456+02:00") == 1_795_002_400_123_456_000


@pytest.mark.parametrize("text", ["", "soon", "5", "m", "-5m", "2026-13-01", "5m ago"])
def test_anything_else_is_refused_in_words(text: str) -> None:
    with pytest.raises(ValueError, match="write 5m"):
        moment(text)
