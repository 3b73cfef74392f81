from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agent.trace.report import fitted, second_text, summary_text
from agent.trace.session import Second, Summary
from agent.trace.tracers import TRACERS

TEN = "".join(f"line {number}\n" for number in range(10))


def test_what_fits_stays_as_it_is() -> None:
    assert fitted(TEN, 80, 24) == TEN
    assert fitted(TEN, 80, 11) == TEN


def test_long_lines_are_cut_and_those_below_the_end_are_counted() -> None:
    assert fitted(TEN, 80, 4) == "line 0\nline 1\nand 8 more lines\n"
    assert fitted("0123456789\nshort\n", 6, 24) == "01234…\nshort\n"


@given(st.text(alphabet="ab \n", max_size=60), st.integers(1, 30), st.integers(1, 12))
def test_nothing_wraps_or_scrolls(text: str, width: int, height: int) -> None:
    shown = fitted(text, width, height).splitlines()
    assert len(shown) <= max(height - 1, 2)
    assert all(len(line) <= max(width, 1) for line in shown)


def test_where_nothing_happened_no_heading_stands_alone() -> None:
    tracer = TRACERS["syscalls"]
    nothing: dict[str, object] = {}
    assert second_text(tracer, "web", Second(1, 1.0, nothing)) == (
        "web  0 calls/s, 0 errors/s  (1 s)\n"
    )
    summary = Summary(2.0, nothing, 0, 0.001, "")
    assert summary_text(tracer, "web", summary).splitlines()[1:] == [
        "the probe took 1.0 ms of CPU, 0.05% of a core, on the whole host"
    ]
