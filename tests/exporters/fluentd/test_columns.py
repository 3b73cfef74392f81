"""exporters/fluentd/columns.py: exact times, both streams, and nothing that is not usual."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agent.logs.timestamps import SCALE
from exporters.fluentd.columns import Columns, cri_columns, docker_columns

SECOND = b"2026-11-24T03:16:16."
OUT, ERR = b"Z stdout F ", b"Z stderr F "
OUT_TIME = rb'\n","stream":"stdout","time":"' + SECOND
ERR_TIME = rb'\n","stream":"stderr","time":"' + SECOND


def cri(lines: list[tuple[bytes, bytes, bytes]], limit: int = 1000) -> Columns | None:
    """Of digits, what follows them, and content."""
    text = b"".join(SECOND + b"".join(line) + b"\n" for line in lines)
    return cri_columns(text, SECOND, OUT, ERR, limit)


def docker(lines: list[tuple[bytes, bytes, bytes]], limit: int = 1000) -> Columns | None:
    """Of digits, what goes before them, and content."""
    text = b"".join(
        b'{"log":"' + content + before + digits + b'Z"}\n' for digits, before, content in lines
    )
    return docker_columns(text, OUT_TIME, ERR_TIME, limit)


@given(st.lists(st.integers(0, 999_999_999), min_size=1, max_size=200), st.booleans())
@example([0, 1, 9, 10, 100_000_000, 999_999_999, 999_999_990], True)
def test_times_are_exact_to_the_nanosecond(numbers: list[int], trimmed: bool) -> None:
    digits = [b"%09d" % number for number in numbers]
    if trimmed:
        digits = [text.rstrip(b"0") or b"0" for text in digits]
    wanted = [number.to_bytes(4, "big") for number in numbers]
    columns = cri([(text, OUT, b"x") for text in digits])
    assert columns is not None
    assert columns.nanoseconds == wanted
    columns = docker([(text, OUT_TIME, b"x") for text in digits])
    assert columns is not None
    assert columns.nanoseconds == wanted


@given(
    st.lists(
        st.text('0123456789eE.,-+ \t"[]{}:Z\\_truefalsn', max_size=12).map(str.encode),
        min_size=1,
        max_size=4,
    )
)
@example([b"5e9,", b"8388608.7"])
@example([b'1e9,"', b'",5'])
@example([b"1,2", b""])
def test_what_is_not_one_to_nine_digits_is_no_time(digits: list[bytes]) -> None:
    usual = all(text.isdigit() and len(text) <= 9 for text in digits)
    wanted = [int(text) * SCALE[len(text)] for text in digits] if usual else None
    for columns in (
        cri([(text, OUT, b"x") for text in digits]),
        docker([(text, OUT_TIME, b"x") for text in digits]),
    ):
        made = columns and [int.from_bytes(number, "big") for number in columns.nanoseconds]
        assert made == wanted


def test_lines_of_the_other_stream_are_told() -> None:
    lines = [(b"%d" % number, b"", b"text %d" % number) for number in range(1, 9)]
    streams = [0, 1, 1, 0, 0, 0, 1, 0]
    for make, between in ((cri, (OUT, ERR)), (docker, (OUT_TIME, ERR_TIME))):
        columns = make(
            [(d, between[s], text) for (d, _, text), s in zip(lines, streams, strict=True)]
        )
        assert columns is not None
        assert columns.others == [1, 2, 6]
        assert columns.contents == [text for _, _, text in lines]


@pytest.mark.parametrize("between", [b"Z stdin F ", b"Z stdout P ", b"Z stdout F", b""])
def test_a_line_of_another_shape_is_refused(between: bytes) -> None:
    assert cri([(b"1", OUT, b"x"), (b"2", between, b"x")]) is None
    assert docker([(b"1", OUT_TIME, b"x"), (b"2", between, b"x")]) is None


def test_a_second_of_its_own_is_refused() -> None:
    text = SECOND + b"1Z stdout F x\n2026-11-24T03:16:17.1Z stdout F y\n"
    assert cri_columns(text, SECOND, OUT, ERR, 9) is None
    assert cri_columns(text, b"2026-11-24T03:16:17.", OUT, ERR, 9) is None


def test_dockers_frame_is_whole() -> None:
    good = b'{"log":"x' + OUT_TIME + b'1Z"}\n'
    for other in (good[1:], good[:-2] + b"\n", b" " + good, good.replace(b'"log"', b'"lag"')):
        assert docker_columns(good + other, OUT_TIME, ERR_TIME, 9) is None
        assert docker_columns(other + good, OUT_TIME, ERR_TIME, 9) is None


def test_escapes_are_decoded_where_there_are_any() -> None:
    columns = docker([(b"1", OUT_TIME, b'a\\"b\\u00fc'), (b"2", OUT_TIME, b"c")])
    assert columns is not None
    assert columns.contents == [b'a"b\xc3\xbc', b"c"]
    assert docker([(b"1", OUT_TIME, b"\\ud83d"), (b"2", OUT_TIME, b"c")]) is None


def test_no_more_lines_than_asked_for() -> None:
    lines = [(b"5", OUT, b"x" * number) for number in range(9)]
    columns = cri(lines, 4)
    assert columns is not None
    assert columns.contents == [text for _, _, text in lines[:4]]
    assert columns.size == 4 * len(SECOND + b"5" + OUT + b"\n") + 6
