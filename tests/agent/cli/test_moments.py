"""agent/cli/moments.py"""

from __future__ import annotations

from datetime import datetime, timedelta

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


def test_a_time_as_timestamps_writes_it_is_exact() -> None:
    for when in ("2026-11-18T11:46:40.123456789Z", "2026-11-18T13:46:40.123456789+02:00"):
        assert moment(when) == 1_795_002_400_123_456_789
    assert moment("2026-11-18T11:46:40.1Z") == 1_795_002_400_100_000_000
    assert moment("2026-11-18T11:46:40.000000001Z") == 1_795_002_400_000_000_001


@pytest.mark.parametrize("sign", ["", "@"])
def test_seconds_since_1970_as_docker_takes_them(sign: str) -> None:
    assert moment(sign + "1795002400") == 1_795_002_400_000_000_000
    assert moment(sign + "1795002400.000000001") == 1_795_002_400_000_000_001


@pytest.mark.parametrize(
    "text", ["", "soon", "5", "m", "-5m", "2026-13-01", "5m ago", "24:00", "3:60"]
)
def test_anything_else_is_refused_in_words(text: str) -> None:
    with pytest.raises(ValueError, match="write 5m"):
        moment(text)


@pytest.mark.parametrize(("clock", "days"), [("10:00", 0), ("10:00:00", 0), ("23:59:59", 1)])
def test_a_time_of_day_is_the_last_time_it_was_so_late(clock: str, days: int) -> None:
    noon = datetime(2026, 11, 24, 12, 0)  # noqa: DTZ001 this host's
    hour, minute, *second = map(int, clock.split(":"))
    then = noon.replace(hour=hour, minute=minute, second=(*second, 0)[0]) - timedelta(days=days)
    now = int(noon.timestamp()) * SECOND
    assert moment(clock, now) == int(then.timestamp()) * SECOND


def test_now_is_the_last_time_it_was_now() -> None:
    noon = int(datetime(2026, 11, 24, 12, 0).timestamp()) * SECOND  # noqa: DTZ001 this host's
    assert moment("12:00", noon) == noon
