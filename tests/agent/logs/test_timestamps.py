"""agent/logs/timestamps.py"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.logs.timestamps import NANOSECONDS, parse_rfc3339, second_of

SECOND = int(datetime(2026, 11, 24, 3, 16, 16, tzinfo=UTC).timestamp()) * 10**9


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"2026-11-24T03:16:16.105173157Z", SECOND + 105_173_157),
        (b"2026-11-24T03:16:16Z", SECOND),
        (b"2026-11-24T03:16:16.1Z", SECOND + 100_000_000),
        (b"2026-11-24T03:16:16.000000001Z", SECOND + 1),
        (b"2026-11-24T08:46:16.1051+05:30", SECOND + 105_100_000),
        (b"2026-11-23T22:16:16-05:00", SECOND),
        (b"2026-11-24T03:16:16.105173157+00:00", SECOND + 105_173_157),
        (b"2026-11-24T03:16:16.1234567899Z", SECOND + 123_456_789),
        (b"2026-11-24T03:15:60Z", SECOND - 16 * 10**9),
        (b"1970-01-01T00:00:00Z", 0),
    ],
)
def test_every_form_a_runtime_writes_is_exact(text: bytes, expected: int) -> None:
    assert parse_rfc3339(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"now",
        b"2026-11-24",
        b"2026-13-24T03:16:16Z",
        b"2026-11-24T03:16:16",
        b"2026-11-24T03:16:16.Z",
        b"2026-11-24T03:16:16.1_0Z",
        b"2026-11-24T03:16:16Z ",
        b"0001-01-01T00:00:00Z",
        b"2106-02-07T06:28:16Z",
        b"1970-01-01T00:00:00+00:01",
        "2026-11-24T03:16:1６Z".encode(),
    ],
)
def test_what_is_not_a_time_a_destination_can_say_is_none(text: bytes) -> None:
    assert parse_rfc3339(text) is None


@given(
    since=st.integers(2 * 86_400, 4_294_000_000),
    micros=st.integers(0, 999_999),
    minutes=st.integers(-14 * 60, 14 * 60),
)
def test_any_zone_gives_the_same_instant(since: int, micros: int, minutes: int) -> None:
    zone = timezone(timedelta(minutes=minutes))
    local = datetime.fromtimestamp(since, zone).replace(microsecond=micros)
    expected = since * 10**9 + micros * 1000
    assert parse_rfc3339(local.isoformat().encode()) == expected


@given(st.binary(max_size=40))
def test_no_bytes_raise(text: bytes) -> None:
    parse_rfc3339(text)


@given(st.integers(0, (1 << 32) * NANOSECONDS - 1))
def test_a_time_written_by_its_second_is_read_back(time_ns: int) -> None:
    second_ns, text = second_of(time_ns)
    assert 0 <= time_ns - second_ns < NANOSECONDS
    assert parse_rfc3339(f"{text}.{time_ns - second_ns:09d}Z".encode()) == time_ns
