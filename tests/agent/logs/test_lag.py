"""agent/logs/lag.py"""

from __future__ import annotations

import pytest

from agent.logs.fingerprint import head_of
from agent.logs.lag import Lag, first_time
from agent.logs.tail import FileMark
from agent.logs.timestamps import parse_rfc3339

TIME = b"2026-11-24T03:16:16.105173157Z"
TIME_NS = parse_rfc3339(TIME)


def mark() -> FileMark:
    return FileMark(1, head_of(b""), 1, 0, 0, 0)


@pytest.mark.parametrize(
    ("log_format", "block"),
    [
        ("cri", TIME + b" stdout F a\n"),
        ("cri", b"end of a line\n" + TIME + b" stdout F a\n"),
        ("docker", b'{"log":"a\\n","stream":"stdout","time":"' + TIME + b'"}\nmore'),
        ("docker", b'f a line","stream":"stdout","time":"' + TIME + b'"}\n'),
    ],
)
def test_the_time_of_a_block_is_its_first_line_s(log_format: str, block: bytes) -> None:
    assert first_time(log_format, block) == TIME_NS


@pytest.mark.parametrize("block", [b"", b"no newline", b"\n", b"x\ny\n", b'{"time":"soon"}\n'])
@pytest.mark.parametrize("log_format", ["cri", "docker"])
def test_a_block_that_says_none_has_none(log_format: str, block: bytes) -> None:
    assert first_time(log_format, block) is None


def test_lag_is_the_age_of_the_oldest_block_that_is_not_acknowledged() -> None:
    lag, file = Lag("cri"), mark()
    lag.read(file, 10, b"", 1_000_000_000)
    lag.read(file, 20, b"", 3_000_000_000)
    assert lag.seconds(0.0, 5_000_000_000) == 4.0
    file.acknowledged = 10
    assert lag.seconds(0.0, 5_000_000_000) == 2.0
    file.acknowledged = 20
    assert lag.seconds(0.0, 5_000_000_000) == 0.0


@pytest.mark.parametrize("length", [1, 900, 1024, 5000])
@pytest.mark.parametrize("begin", [b"", b"end of a line\n"])
def test_lag_is_told_by_the_runtime_s_own_time(begin: bytes, length: int) -> None:
    lag, file = Lag("cri"), mark()
    block = bytearray(begin + TIME + b" stdout F " + length * b"a" + b"\n" + b"rest")
    lag.read(file, len(block), block, 7)
    block[:] = b"x" * len(block)  # the next read goes to the same buffer
    assert TIME_NS is not None
    assert lag.seconds(0.0, TIME_NS + 3_000_000_000) == 3.0


def test_bytes_that_wait_to_be_read_are_as_old_as_they_are_known() -> None:
    lag = Lag("cri")
    lag.unread(10.0)
    lag.unread(12.0)
    assert lag.seconds(15.0, 0) == 5.0
    lag.all_read()
    assert lag.seconds(15.0, 0) == 0.0


def test_a_truncated_file_is_waited_for_no_more() -> None:
    lag, file = Lag("cri"), mark()
    lag.read(file, 10, b"", 0)
    file.dead = True
    assert lag.seconds(0.0, 5_000_000_000) == 0.0
