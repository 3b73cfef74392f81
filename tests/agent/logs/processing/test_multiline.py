"""agent/logs/processing/multiline.py"""

from __future__ import annotations

from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.log_patterns import compile_pattern
from agent.logs.entry import Entry
from agent.logs.partial import Position
from agent.logs.processing.multiline import WAIT, Grammar, Multiline

TRACES = {
    "java": """\
        Exception in thread "main" java.lang.IllegalStateException: no cart
        \tat shop.Cart.find(Cart.java:42)
        \tat shop.Main.main(Main.java:7)
        Caused by: java.io.IOException: reset
        \tat shop.Net.read(Net.java:1)
        \t... 2 more""",
    "python": """\
        Traceback (most recent call last):
          File "a.py", line 3, in f
            x()
          File "a.py", line 9, in x
            ~~^^~~
        ValueError: no cart

        During handling of the above exception, another exception occurred:

        Traceback (most recent call last):
          File "a.py", line 5, in f
            raise KeyError(1)
        KeyError: 1""",
    "go": """\
        panic: runtime error: index out of range [5] with length 3

        goroutine 1 [running]:
        main.find(...)
        \t/app/cart.go:42
        main.main()
        \t/app/main.go:7 +0x1d
        exit status 2""",
    "ruby": """\
        cart.rb:3:in `find': no cart (RuntimeError)
        \tfrom cart.rb:9:in `each'
        \tfrom main.rb:1:in `<main>'""",
    "node": """\
        Error: no cart
            at find (/app/cart.js:42:11)
            at main (/app/main.js:7:3) {
          code: 'ENOCART'
        }""",
}


def entries(*texts: str, stream: str = "stdout") -> list[Entry]:
    return [(number, stream, text.encode(), None, False) for number, text in enumerate(texts)]


def places(count: int, begin: int = 0) -> list[Position]:
    return [Position(1, begin + number) for number in range(count)]


def joined(languages: tuple[str, ...], lines: list[str]) -> list[str]:
    multiline = Multiline(Grammar(languages, None))
    out = multiline.feed(entries(*lines), places(len(lines))) + multiline.finish()
    return [entry[2].decode() for entry in out]


@pytest.mark.parametrize("language", TRACES)
@pytest.mark.parametrize("also", [(), tuple(TRACES)])
def test_a_stack_trace_is_one_record(language: str, also: tuple[str, ...]) -> None:
    trace = dedent(TRACES[language]).replace("\\t", "\t")
    lines = ["before", *trace.split("\n"), "after", "and on"]
    languages = tuple(dict.fromkeys((language, *also)))
    assert joined(languages, lines) == ["before", trace, "after", "and on"]


CAPTURED = {
    "a group of exceptions in a thread": """\
        Exception in thread Thread-1 (g):
          + Exception Group Traceback (most recent call last):
          |   File "t.py", line 16, in g
          |     raise ExceptionGroup("eg",[ValueError("one"),TypeError("two")])
          | ExceptionGroup: eg (2 sub-exceptions)
          +-+---------------- 1 ----------------
            | ValueError: one
            +---------------- 2 ----------------
            | TypeError: two
            +------------------------------------""",
    "a chain whose first message had two lines": """\
        The above exception was the direct cause of the following exception:

        Traceback (most recent call last):
          File "t.py", line 8, in <module>
            try: raise RuntimeError("wrapped") from e
                 ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
        RuntimeError: wrapped""",
    "a goroutine's panic": """\
        panic: assignment to entry in nil map

        goroutine 1 [running]:
        main.(*T).f(...)
        \t/tmp/t.go:4
        main.(*T).f(0x1d6bb0d84f20, 0x1)
        \t/tmp/t.go:4 +0x77
        main.main()
        \t/tmp/t.go:7 +0x87""",
    "an error that Node did not catch": """\
        /tmp/t.js:5
        setTimeout(()=>{ Promise.reject(new Error("unhandled")); },20);
                                        ^

        Error: unhandled
            at Timeout._onTimeout (/tmp/t.js:5:33)
            at process.processTimers (node:internal/timers:519:7)

        Node.js v20.20.2""",
    "a rejection that Node did not catch": """\
        node:internal/process/promises:394
              triggerUncaughtException(err, true /* fromPromise */);
              ^

        [UnhandledPromiseRejection: This error originated either by throwing inside] {
          code: 'ERR_UNHANDLED_REJECTION'
        }

        Node.js v20.20.2""",
    "an error of Node's with causes": """\
        AggregateError: all failed
            at Object.<anonymous> (/tmp/t.js:4:15)
            ... 4 lines matching cause stack trace ...
            at node:internal/main/run_main_module:28:49 {
          code: 5,
          [errors]: [
            Error: a
                at Object.<anonymous> (/tmp/t.js:4:35),
            RangeError: b
                at Object.<anonymous> (/tmp/t.js:4:50)
          ],
          [cause]: TypeError: why
              at Object.<anonymous> (/tmp/t.js:1:76)
        }""",
    "an error of Java's with what it suppressed": """\
        Exception in thread "worker-1" java.lang.RuntimeException: outer
        \tat T.main(T.java:2)
        \tSuppressed: java.io.IOException: sup
        \t\t... 1 more
        Caused by: java.lang.IllegalStateException: inner
        \tat T.c(T.java:1)
        \t[CIRCULAR REFERENCE: java.lang.RuntimeException: outer]
        \t... 1 more""",
}
"""As real programs wrote them (Python 3.11, Go, Node 20, Java 17)."""


@pytest.mark.parametrize("what", CAPTURED)
def test_what_a_real_program_wrote_is_one_record(what: str) -> None:
    trace = dedent(CAPTURED[what]).replace("\\t", "\t")
    lines = ["before", *trace.split("\n"), "after", "and on"]
    assert joined(tuple(TRACES), lines) == ["before", trace, "after", "and on"]


def test_a_java_trace_belongs_to_the_line_before_its_frames() -> None:
    lines = ["03:16 ERROR failed", "\tat a.B.c(B.java:1)", "03:17 INFO go on"]
    assert joined(("java",), lines) == [
        "03:16 ERROR failed\n\tat a.B.c(B.java:1)",
        "03:17 INFO go on",
    ]


def test_an_indented_line_that_is_no_frame_stays_alone() -> None:
    assert joined(("java", "node", "ruby"), ["a", "  b", "\tc"]) == ["a", "  b", "\tc"]


def test_an_expression_for_the_first_line_joins_all_others() -> None:
    multiline = Multiline(Grammar((), compile_pattern(r"^\d\d:\d\d ")))
    lines = ["03:16 one", "more", "", "03:17 two"]
    out = multiline.feed(entries(*lines), places(4)) + multiline.finish()
    assert [entry[2] for entry in out] == [b"03:16 one\nmore\n", b"03:17 two"]


def test_streams_are_joined_apart() -> None:
    multiline = Multiline(Grammar(("java",), None))
    one, two = entries("e1", "\tat a", stream="stdout"), entries("e2", "\tat b", stream="stderr")
    mixed = [one[0], two[0], one[1], two[1]]
    out = multiline.feed(mixed, places(4)) + multiline.finish()
    assert [entry[1:3] for entry in out] == [("stdout", b"e1\n\tat a"), ("stderr", b"e2\n\tat b")]


def test_lines_that_say_where_they_are_are_joined_and_the_first_one_s_place_stays() -> None:
    multiline = Multiline(Grammar(("java",), None))
    lines: list[Entry] = [
        (1, "stdout", b"E", {"offset": "0"}, False),
        (2, "stdout", b"\tat x", {"offset": "2"}, False),
        (3, "stdout", b"\tat cut", {"note": "cut", "offset": "9"}, False),
    ]
    assert multiline.feed(lines, places(3)) + multiline.finish() == [
        (1, "stdout", b"E\n\tat x", {"offset": "0"}, False),
        lines[2],
    ]


def test_a_record_keeps_the_time_of_its_first_line() -> None:
    multiline = Multiline(Grammar(("java",), None))
    multiline.feed(entries("e", "\tat a"), places(2))
    assert multiline.finish()[0][0] == 0


def test_the_floor_is_where_the_oldest_open_record_begins() -> None:
    multiline = Multiline(Grammar(("java",), None))
    floors = [multiline.floor]
    multiline.feed(entries("e", "\tat a"), places(2, 10))
    floors.append(multiline.floor)
    multiline.feed(entries("next"), places(1, 12))
    floors.append(multiline.floor)
    multiline.finish()
    assert [*floors, multiline.floor] == [None, Position(1, 10), Position(1, 12), None]


def test_a_record_is_closed_at_its_bounds_and_the_rest_is_kept() -> None:
    multiline = Multiline(Grammar(("java",), None), max_lines=3)
    lines = ["e", *(f"\tat {number}" for number in range(5))]
    out = multiline.feed(entries(*lines), places(6)) + multiline.finish()
    assert [entry[2].count(b"\n") for entry in out] == [2, 2]
    small = Multiline(Grammar(("java",), None), max_bytes=10)
    out = small.feed(entries(*lines), places(6)) + small.finish()
    assert all(len(entry[2]) <= 10 for entry in out)
    assert b"\n".join(entry[2] for entry in out).decode() == "\n".join(lines)


def test_a_record_waits_for_more_lines_only_so_long() -> None:
    multiline = Multiline(Grammar(("java",), None))
    multiline.feed(entries("e"), places(1))
    assert multiline.expire(100.0) == []
    multiline.feed(entries("\tat a"), places(1, 1))
    assert multiline.expire(100.0 + WAIT) == [], "it has just grown"
    (record,) = multiline.expire(100.0 + 2 * WAIT)
    assert record[2] == b"e\n\tat a"
    assert multiline.floor is None


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["stdout", "stderr"]),
            st.sampled_from(
                ["a", "\tat b", "", "Traceback (most recent call last):", "  x", "Caused by: y",
                 "panic: z", "goroutine 1 [running]:", "\tfrom x", "a.js:1", "}", "E: 1"]
            ),
        )
    ),
    st.integers(1, 5),
    st.integers(1, 30),
)  # fmt: skip
def test_no_line_is_lost_and_each_stream_keeps_its_order(
    rows: list[tuple[str, str]], max_lines: int, max_bytes: int
) -> None:
    multiline = Multiline(Grammar(tuple(TRACES), None), max_lines, max_bytes)
    out: list[Entry] = []
    for number, (stream, text) in enumerate(rows):
        place = Position(1, number)
        out += multiline.feed([(number, stream, text.encode(), None, False)], [place])
        floor = multiline.floor
        assert floor is not None
        assert floor <= place
        done = sum(entry[2].count(b"\n") + 1 for entry in out)
        assert floor.offset <= done, "every line before the floor has come out"
    out += multiline.finish()
    for stream in ("stdout", "stderr"):
        came = b"\n".join(entry[2] for entry in out if entry[1] == stream).decode()
        assert came == "\n".join(text for own, text in rows if own == stream)
