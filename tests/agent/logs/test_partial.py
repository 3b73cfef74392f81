"""agent/logs/partial.py"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agent.logs.entry import Entry
from agent.logs.partial import Joiner, Position


def entry(content: bytes, stream: str = "stdout", *, partial: bool = False, time: int = 1) -> Entry:
    return time, stream, content, None, partial


def at(offset: int, serial: int = 1) -> Position:
    return Position(serial, offset)


def test_a_whole_line_passes_through() -> None:
    joiner = Joiner()
    assert joiner.feed(entry(b"whole"), at(0), 10) == [entry(b"whole")]
    assert not joiner
    assert joiner.floor is None


def test_pieces_are_joined_with_the_time_of_the_first() -> None:
    joiner = Joiner()
    assert joiner.feed(entry(b"a", partial=True, time=1), at(0), 10) == []
    assert joiner.feed(entry(b"b", partial=True, time=2), at(10), 10) == []
    assert joiner.floor == at(0)
    assert joiner.feed(entry(b"c", time=3), at(20), 10) == [entry(b"abc", time=1)]
    assert joiner.floor is None


def test_streams_do_not_mix() -> None:
    joiner = Joiner()
    joiner.feed(entry(b"out-", "stdout", partial=True), at(0), 10)
    joiner.feed(entry(b"err-", "stderr", partial=True), at(10), 10)
    assert joiner.feed(entry(b"1", "stdout"), at(20), 10) == [entry(b"out-1", "stdout")]
    assert joiner.floor == at(10), "the other stream's line is still open"
    assert joiner.feed(entry(b"2", "stderr"), at(30), 10) == [entry(b"err-2", "stderr")]


def test_a_line_over_the_cap_goes_out_in_noted_parts_and_nothing_is_lost() -> None:
    joiner = Joiner(cap=10)
    joiner.feed(entry(b"12345", partial=True), at(0), 5)
    joiner.feed(entry(b"67890", partial=True), at(5), 5)
    (first,) = joiner.feed(entry(b"abc", partial=True), at(10), 5)
    assert first == (1, "stdout", b"1234567890", {"note": "split"}, False)
    assert joiner.floor == at(10)
    assert joiner.feed(entry(b"d"), at(15), 5) == [entry(b"abcd")]
    assert joiner.capped == 1


def test_a_line_that_lies_open_too_long_stops_pinning_the_checkpoint() -> None:
    joiner = Joiner(pin_limit=100)
    joiner.feed(entry(b"prompt> ", "stdout", partial=True), at(0), 60)
    assert joiner.feed(entry(b"x", "stderr"), at(60), 60) == [entry(b"x", "stderr")]
    out = joiner.feed(entry(b"y", "stderr"), at(120), 60)
    assert out[0] == (1, "stdout", b"prompt> ", {"note": "split"}, False)
    assert out[1] == entry(b"y", "stderr")
    assert joiner.floor is None


def test_finish_gives_out_what_is_open_in_the_order_it_began() -> None:
    joiner = Joiner()
    joiner.feed(entry(b"err", "stderr", partial=True), at(0), 1)
    joiner.feed(entry(b"out", "stdout", partial=True), at(0, serial=2), 1)
    assert joiner.finish() == [entry(b"err", "stderr"), entry(b"out", "stdout")]
    assert joiner.finish() == []


def test_a_note_on_the_last_piece_is_kept() -> None:
    joiner = Joiner()
    joiner.feed((1, "stdout", b"a", {"attrs": {"k": "v"}}, True), at(0), 1)
    (whole,) = joiner.feed((2, "stdout", b"b", {"note": "cut"}, False), at(1), 1)
    assert whole == (1, "stdout", b"ab", {"attrs": {"k": "v"}, "note": "cut"}, False)


PIECES = st.lists(
    st.tuples(
        st.sampled_from(["stdout", "stderr", ""]),
        st.text(st.characters(max_codepoint=127), max_size=8).map(str.encode),
        st.booleans(),
    )
)


@given(
    text=st.text(min_size=1, max_size=60),
    cuts=st.lists(st.integers(1, 8), min_size=1, max_size=60),
    cap=st.sampled_from([12, 1000]),
)
def test_a_text_that_is_cut_within_its_characters_is_whole_again(
    text: str, cuts: list[int], cap: int
) -> None:
    data = text.encode()
    joiner = Joiner(cap=cap)
    out: list[Entry] = []
    begin = 0
    for number, size in enumerate(cuts):
        out += joiner.feed(entry(data[begin : begin + size], partial=True), at(number), 1)
        begin = min(begin + size, len(data))
    out += joiner.feed(entry(data[begin:]), at(len(cuts)), 1)
    assert b"".join(item[2] for item in out) == data
    assert joiner.invalid == 0


def test_bytes_that_are_not_utf_8_cost_only_themselves() -> None:
    joiner = Joiner()
    joiner.feed(entry(b"a\xff", partial=True), at(0), 10)
    assert joiner.feed(entry(b"\xe2\x82 b"), at(10), 10) == [entry("a\ufffd\ufffd b".encode())]
    assert joiner.feed(entry(b"\x80"), at(20), 10) == [entry("\ufffd".encode())]
    assert joiner.invalid == 2


@given(pieces=PIECES, cap=st.integers(8, 30), pin=st.integers(1, 100))
def test_every_byte_comes_out_once_in_its_streams_order(
    pieces: list[tuple[str, bytes, bool]], cap: int, pin: int
) -> None:
    joiner = Joiner(cap=cap, pin_limit=pin)
    out: list[Entry] = []
    emitted: dict[str, int] = {"stdout": 0, "stderr": 0, "": 0}
    fed: dict[str, list[tuple[int, int]]] = {"stdout": [], "stderr": [], "": []}
    total = {"stdout": 0, "stderr": 0, "": 0}
    for index, (stream, content, partial) in enumerate(pieces):
        new = joiner.feed((index, stream, content, None, partial), at(index * 10), 10)
        total[stream] += len(content)
        fed[stream].append((index * 10, total[stream]))
        out += new
        for item in new:
            assert len(item[2]) <= cap
            emitted[item[1]] += len(item[2])
        floor = joiner.floor
        for key, places in fed.items():
            for offset, size_after in places:
                if floor is None or offset < floor.offset:
                    assert emitted[key] >= size_after, "the floor passed a piece that is not out"
    out += joiner.finish()
    for stream in ("stdout", "stderr", ""):
        sent = b"".join(item[2] for item in out if item[1] == stream)
        assert sent == b"".join(content for key, content, _partial in pieces if key == stream)
