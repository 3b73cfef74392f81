"""view and keys: what each key makes of the view."""

from __future__ import annotations

from functools import reduce

from hypothesis import given
from hypothesis import strategies as st

from agent.top.columns import COLUMNS
from agent.top.glyphs import ASCII, UNICODE
from agent.top.help import HELP_LENGTH, footer_keys, help_lines
from agent.top.keys import ACTIONS, BINDINGS, Action
from agent.top.view import View, act, settle, type_key

ROWS = [10, 11, 12, 13, 14]


def typed(view: View, keys: list[str]) -> View:
    return reduce(type_key, keys, view)


def test_the_first_step_shows_the_cursor_and_the_next_moves_it() -> None:
    first = act(View(), Action.DOWN, ROWS, 3)
    assert first.selected == 10
    assert act(first, Action.DOWN, ROWS, 3).selected == 11
    assert act(first, Action.UP, ROWS, 3).selected == 10


def test_the_cursor_stays_on_its_container_when_the_order_changes() -> None:
    view = settle(View(selected=11), [14, 13, 12, 11, 10], 2)
    assert view.selected == 11
    assert view.position == 3
    assert view.offset <= 3 < view.offset + 2


def test_when_the_container_is_gone_the_cursor_stays_on_the_line() -> None:
    assert settle(View(selected=99, position=2), ROWS, 5).selected == 12
    assert settle(View(selected=99, position=9), ROWS, 5).selected == 14
    assert settle(View(selected=99), [], 5).selected is None


def test_pages_and_ends_stop_at_the_ends() -> None:
    assert act(View(), Action.PAGE_DOWN, ROWS, 3).selected == 13
    assert act(View(), Action.END, ROWS, 3).selected == 14
    assert act(View(selected=14, position=4), Action.PAGE_DOWN, ROWS, 3).selected == 14
    assert act(View(selected=12), Action.HOME, ROWS, 3).selected == 10


def test_sorting_goes_through_every_column_and_around() -> None:
    view = View()
    seen = []
    for _ in COLUMNS:
        view = act(view, Action.SORT_NEXT, ROWS, 3)
        seen.append(view.sort)
    assert view.sort == "cpu"
    assert sorted(seen) == sorted(column.key for column in COLUMNS)
    assert act(view, Action.SORT_PREVIOUS, ROWS, 3).sort == "state"


def test_another_column_starts_in_its_own_direction() -> None:
    reversed_view = act(View(), Action.REVERSE, ROWS, 3)
    assert reversed_view.reverse
    assert not act(reversed_view, Action.SORT_NEXT, ROWS, 3).reverse


def test_a_filter_applies_while_it_is_typed_and_esc_brings_the_old_one_back() -> None:
    view = typed(act(View(filter="old"), Action.FILTER, ROWS, 3), ["Ctrl-U", "w", "é", "q", ""])
    assert view.shown_filter == "wéq"
    assert typed(view, ["Backspace", "Enter"]).filter == "wé"
    assert typed(view, ["Esc"]).shown_filter == "old"
    assert typed(view, ["Up", "PgDn", "\x00"]) == view


def test_esc_drops_the_filter_and_the_cursor() -> None:
    view = act(View(filter="x", selected=12), Action.BACK, ROWS, 3)
    assert (view.filter, view.selected) == ("", None)


def test_in_the_help_keys_scroll_the_help_and_nothing_else() -> None:
    view = act(View(), Action.HELP, ROWS, 3)
    end = act(view, Action.END, ROWS, 10)
    assert end.help == HELP_LENGTH - 10
    assert act(end, Action.UP, ROWS, 10).help == HELP_LENGTH - 11
    assert act(end, Action.SORT_NEXT, ROWS, 10) == end
    assert act(end, Action.HELP, ROWS, 10).help is None
    assert act(view, Action.END, ROWS, 1000).help == 0


def test_no_key_is_bound_twice_and_every_action_has_a_key() -> None:
    keys = [key for binding in BINDINGS for key in binding.keys]
    assert len(keys) == len(set(keys)) == len(ACTIONS)
    assert {binding.action for binding in BINDINGS} == set(Action)


def test_help_names_every_key_and_every_column() -> None:
    for glyphs in (UNICODE, ASCII):
        text = "\n".join(f"{line.name} {line.text}" for line in help_lines(glyphs))
        for binding in BINDINGS:
            assert binding.help in text
        for column in COLUMNS:
            assert column.help in text
        assert len(help_lines(glyphs)) == HELP_LENGTH
    assert ("q", "quit") in footer_keys(UNICODE)


@given(
    st.lists(st.sampled_from(Action), max_size=30),
    st.lists(st.integers(0, 50), unique=True, max_size=12),
    st.integers(0, 8),
)
def test_after_any_keys_the_cursor_is_on_a_row_in_sight(
    actions: list[Action], rows: list[int], page: int
) -> None:
    view = View()
    for action in actions:
        view = act(view, action, rows, page)
    view = settle(view, rows, page)
    assert view.selected is None or view.selected in rows
    if rows:
        assert view.offset <= view.position < view.offset + max(1, page)
