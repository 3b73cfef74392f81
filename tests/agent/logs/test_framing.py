"""agent/logs/framing.py"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agent.logs.framing import Framer, Lines


def lines_of(framer: Framer, pieces: list[bytes], *, finish: bool = False) -> list[Lines]:
    out = [lines for piece in pieces for lines in framer.feed(piece)]
    last = framer.finish() if finish else None
    return [*out, last] if last is not None else out


def flat(batches: list[Lines]) -> list[tuple[bytes, int, int, int]]:
    """(line, start, end, dropped) for every line."""
    out = []
    for lines in batches:
        start = lines.start
        for index, line in enumerate(lines.data):
            last = index == len(lines.data) - 1
            end = lines.end if last else start + len(line) + 1
            out.append((line, start, end, lines.dropped))
            start = end
    return out


def test_whole_lines_come_out_with_their_offsets() -> None:
    assert flat(Framer(100).feed(b"one\n\nthree\n")) == [
        (b"one", 100, 104, 0),
        (b"", 104, 105, 0),
        (b"three", 105, 111, 0),
    ]


def test_byte_by_byte_gives_the_same_lines_as_all_at_once() -> None:
    text = b"one\n\nthree\nf\xc3\xbcnf\n"
    whole = flat(lines_of(Framer(), [text]))
    single = flat(lines_of(Framer(), [bytes((byte,)) for byte in text]))
    assert single == whole


def test_trailing_bytes_wait_for_their_newline() -> None:
    framer = Framer()
    assert flat(framer.feed(b"one\ntw")) == [(b"one", 0, 4, 0)]
    assert framer.start == 4
    assert framer.position == 6
    assert flat(framer.feed(b"o\n")) == [(b"two", 4, 8, 0)]


def test_finish_gives_up_the_unfinished_line_once() -> None:
    framer = Framer()
    framer.feed(b"one\ntw")
    assert framer.finish() == Lines([b"tw"], 4, 6)
    assert framer.finish() is None
    assert framer.start == framer.position == 6


def test_a_line_over_the_limit_is_cut_and_its_neighbours_are_whole() -> None:
    text = b"before\n" + b"x" * 25 + b"\nafter\n"
    expected = [(b"before", 0, 7, 0), (b"x" * 10, 7, 33, 15), (b"after", 33, 39, 0)]
    assert flat(lines_of(Framer(max_line=10), [text])) == expected
    pieces = [bytes((byte,)) for byte in text]
    assert flat(lines_of(Framer(max_line=10), pieces)) == expected


def test_a_line_of_exactly_the_limit_is_whole() -> None:
    assert flat(lines_of(Framer(max_line=5), [b"12345\n123456\n"])) == [
        (b"12345", 0, 6, 0),
        (b"12345", 6, 13, 1),
    ]


def test_a_line_without_an_end_takes_no_more_memory_than_the_limit() -> None:
    framer = Framer(max_line=1000)
    for _ in range(1000):
        assert framer.feed(b"x" * 1000) == []
    assert framer.start == 0, "a restart would read it from its begin"
    assert framer.finish() == Lines([b"x" * 1000], 0, 1_000_000, 999_000)


def test_only_the_lines_with_invalid_bytes_are_marked() -> None:
    framer = Framer()
    (good,) = framer.feed(b"gut\n\xc3\xa4\n")
    (bad,) = framer.feed(b"\xff\n")
    assert good.utf8
    assert not bad.utf8


def test_a_character_cut_by_a_block_is_valid() -> None:
    framer = Framer()
    framer.feed(b"\xc3")
    (lines,) = framer.feed(b"\xa4\n")
    assert lines.utf8


def model(
    text: bytes, limit: int, offset: int, *, finish: bool
) -> list[tuple[bytes, int, int, int]]:
    out = []
    *complete, rest = text.split(b"\n")
    at = offset
    for line in complete:
        out.append((line[:limit], at, at + len(line) + 1, max(0, len(line) - limit)))
        at += len(line) + 1
    if finish and rest:
        out.append((rest[:limit], at, at + len(rest), max(0, len(rest) - limit)))
    return out


@given(
    pieces=st.lists(st.binary(max_size=60) | st.text("ab\n", max_size=60).map(str.encode)),
    limit=st.integers(1, 40),
    finish=st.booleans(),
)
def test_no_line_is_lost_or_moved_however_the_bytes_come(
    pieces: list[bytes], limit: int, finish: bool
) -> None:
    framer = Framer(7, max_line=limit)
    batches = lines_of(framer, pieces, finish=finish)
    text = b"".join(pieces)
    assert flat(batches) == model(text, limit, 7, finish=finish)
    assert framer.position == 7 + len(text)
    for lines in batches:
        assert lines.dropped == 0 or len(lines.data) == 1
