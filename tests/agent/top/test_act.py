"""act, prompt and keys: what each key makes of the view."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.top.act import Seen, act, choose_set
from agent.top.columns import COLUMNS
from agent.top.footer import key_line
from agent.top.glyphs import ASCII, UNICODE
from agent.top.grouping import CYCLE
from agent.top.help import help_panel
from agent.top.keys import ACTIONS, BINDINGS, SET_KEYS, Action, action_of
from agent.top.prompt import Choice, choose, copy_choices, sort_choices, type_key
from agent.top.row import Key, Row
from agent.top.sets import DEFAULT, SETS
from agent.top.view import Show, View, settle
from tests.agent.selection.items import item
from tests.agent.snapshots import pod

KEYS = [10, 11, 12, 13, 14]
ONE = item("web")


def rows(keys: Sequence[Key] = KEYS) -> list[Row]:
    return [Row(key=key, items=(ONE,), label=str(key)) for key in keys]


def pressed(view: View, action: Action, page: int = 3, keys: Sequence[Key] = KEYS) -> View:
    return act(view, action, Seen(rows(keys), page))


def typed(view: View, keys: list[str]) -> View:
    return reduce(type_key, keys, view)


def test_the_first_step_shows_the_cursor_and_the_next_moves_it() -> None:
    first = pressed(View(), Action.DOWN)
    assert first.selected == 10
    assert pressed(first, Action.DOWN).selected == 11
    assert pressed(first, Action.UP).selected == 10


def test_the_cursor_stays_on_its_container_when_the_order_changes() -> None:
    view = settle(View(selected=11), [14, 13, 12, 11, 10], 2)
    assert view.selected == 11
    assert view.position == 3
    assert view.offset <= 3 < view.offset + 2


def test_when_the_container_is_gone_the_cursor_stays_on_the_line() -> None:
    assert settle(View(selected=99, position=2), KEYS, 5).selected == 12
    assert settle(View(selected=99, position=9), KEYS, 5).selected == 14
    assert settle(View(selected=99), [], 5).selected is None


def test_pages_and_ends_stop_at_the_ends() -> None:
    assert pressed(View(), Action.PAGE_DOWN).selected == 13
    assert pressed(View(), Action.END).selected == 14
    assert pressed(View(selected=14, position=4), Action.PAGE_DOWN).selected == 14
    assert pressed(View(selected=12), Action.HOME).selected == 10


def test_sorting_goes_through_every_column_shown_and_around() -> None:
    view = View()
    seen = []
    for _ in DEFAULT:
        view = pressed(view, Action.SORT_NEXT)
        seen.append(view.sort)
    assert view.sort == "trouble"
    assert len(set(seen)) == len(DEFAULT)
    assert pressed(view, Action.SORT_PREVIOUS).sort == "image"


def test_another_column_starts_in_its_own_direction() -> None:
    reversed_view = pressed(View(), Action.REVERSE)
    assert reversed_view.reverse
    assert not pressed(reversed_view, Action.SORT_NEXT).reverse


def test_a_filter_applies_while_it_is_typed_and_esc_brings_the_old_one_back() -> None:
    view = typed(pressed(View(filter="old"), Action.FILTER), ["Ctrl-U", "w", "é", "q", ""])
    assert view.shown_filter == "wéq"
    assert typed(view, ["Backspace", "Enter"]).filter == "wé"
    assert typed(view, ["Esc"]).shown_filter == "old"
    assert typed(view, ["Up", "PgDn", "\x00"]) == view
    assert typed(view, ["Space", "x"]).shown_filter == "wéq x"


def test_a_filter_that_is_none_is_not_kept_and_the_mistake_is_said() -> None:
    view = typed(pressed(View(), Action.FILTER), [*"cpu>x", "Enter"])
    assert view.prompt is not None
    assert view.message.startswith("at 5: cpu is compared with")
    assert typed(view, ["Backspace", "1", "Enter"]).filter == "cpu>1"


def test_esc_takes_back_one_thing_at_a_time() -> None:
    view = View(filter="x", faults=True, selected=12, at=5.0)
    now = pressed(view, Action.BACK)
    assert (now.at, now.filter) == (None, "x")
    plain = pressed(now, Action.BACK)
    assert (plain.filter, plain.faults, plain.selected) == ("", False, 12)
    assert pressed(plain, Action.BACK).selected is None


@pytest.mark.parametrize(
    ("action", "show"),
    [
        (Action.HELP, Show.HELP),
        (Action.WHY, Show.WHY),
        (Action.OPEN, Show.WHY),
        (Action.PROCESSES, Show.PROCESSES),
        (Action.LOGS, Show.LOGS),
        (Action.COLUMNS, Show.COLUMNS),
    ],
)
def test_a_panel_opens_and_esc_leaves_it_with_the_row_it_is_about(
    action: Action, show: Show
) -> None:
    view = pressed(View(selected=12), action)
    assert (view.show, view.selected) == (show, 12)
    back = pressed(view, Action.BACK)
    assert (back.show, back.selected) == (None, 12)


def test_a_panel_scrolls_within_its_lines_and_a_log_from_its_end() -> None:
    view = pressed(View(), Action.HELP)
    seen = Seen(rows(), page=10, length=40)
    end = act(view, Action.END, seen)
    assert end.scroll == 30
    assert act(end, Action.UP, seen).scroll == 29
    assert act(end, Action.SORT_NEXT, seen) == end
    assert act(end, Action.HELP, seen).show is None
    assert act(view, Action.END, Seen(rows(), page=100, length=40)).scroll == 0
    log = View(show=Show.LOGS, selected=10)
    assert act(log, Action.UP, seen).scroll == 1
    assert act(log, Action.DOWN, seen).scroll == 0
    assert act(log, Action.HOME, seen).scroll == 30


def test_from_one_panel_to_the_next() -> None:
    view = pressed(pressed(View(), Action.WHY), Action.LOGS)
    assert view.show is Show.LOGS


def test_a_column_is_hidden_and_comes_back_where_it_stood() -> None:
    place = [column.key for column in COLUMNS].index("cpu")
    view = View(show=Show.COLUMNS, scroll=place)
    without = pressed(view, Action.OPEN)
    assert "cpu" not in without.columns
    assert pressed(without, Action.PAUSE).columns == DEFAULT
    assert pressed(View(show=Show.COLUMNS), Action.OPEN).columns == DEFAULT


def test_sets_are_chosen_by_number() -> None:
    assert len(SET_KEYS) == 7
    for key, number in SET_KEYS.items():
        assert choose_set(View(), number).columns == SETS[int(key) - 1].columns


def test_grouping_goes_around_and_a_group_folds() -> None:
    view, names = View(), []
    for _ in CYCLE:
        view = pressed(view, Action.GROUP)
        names.append(view.group)
    assert names == [*CYCLE[1:], ""]
    group = Row(key="group:x", items=(ONE,), label="x", group="x", is_group=True)
    member = Row(key=1, items=(ONE,), label="web", group="x")
    seen = Seen([group, member], page=5)
    folded = act(View(group="image", selected=1, position=1), Action.COLLAPSE, seen)
    assert folded.collapsed == {"x"}
    assert folded.selected == "group:x"
    assert act(folded, Action.EXPAND, seen).collapsed == frozenset()
    assert act(View(group="image"), Action.OPEN, seen).collapsed == {"x"}


def test_a_group_has_no_panel_of_its_own_and_that_is_said() -> None:
    group = Row(key="group:x", items=(ONE,), label="x", group="x", is_group=True)
    for action in (Action.WHY, Action.LOGS, Action.COPY):
        view = act(View(group="image"), action, Seen([group], page=5))
        assert (view.show, view.menu) == (None, "")
        assert "group" in view.message


def test_the_sort_menu_has_a_letter_for_each_column_and_twice_reverses() -> None:
    for chosen in SETS:
        choices = sort_choices(View(columns=chosen.columns))
        letters = [choice.letter for choice in choices]
        assert all(letters)
        assert len(set(letters)) == len(letters)
    choices = sort_choices(View())
    letter = next(choice.letter for choice in choices if choice.value == "mem")
    view, _ = choose(View(menu="sort"), letter, choices)
    assert (view.sort, view.reverse, view.menu) == ("mem", False, "")
    again, _ = choose(View(menu="sort", sort="mem"), letter, choices)
    assert again.reverse
    assert choose(View(menu="sort"), "Esc", choices) == (View(), None)


def test_what_can_be_copied() -> None:
    in_pod = item("x", container=pod("shop", "api-1", "main"))
    choices = copy_choices(Row(key=1, items=(in_pod,), label="x"))
    assert [choice.label for choice in choices] == [
        *("id", "name", "cgroup path", "kubectl command", "agent why command"),
    ]
    assert Choice("k", "kubectl command", "kubectl -n shop describe pod api-1") in choices
    view, chosen = choose(View(menu="copy"), "c", choices)
    assert view.menu == ""
    assert chosen is not None
    assert chosen.value == "/docker/x"


def test_j_moves_down_and_while_paused_it_jumps() -> None:
    assert action_of("j", paused=False) is Action.DOWN
    assert action_of("j", paused=True) is Action.JUMP
    assert action_of("J", paused=False) is Action.JUMP


def test_no_key_is_bound_twice_and_every_action_has_a_key() -> None:
    keys = [key for binding in BINDINGS for key in binding.keys] + list(SET_KEYS)
    assert len(keys) == len(set(keys)) == len(ACTIONS) + len(SET_KEYS)
    assert {binding.action for binding in BINDINGS} == set(Action)


def test_help_names_every_key_and_every_column() -> None:
    for glyphs in (UNICODE, ASCII):
        lines = help_panel(glyphs).lines
        text = "\n".join("".join(span.text for span in line) for line in lines)
        for binding in BINDINGS:
            assert binding.help in text
        for column in COLUMNS:
            assert column.says in text
    footer = "".join(span.text for span in key_line(View(), (), 200, UNICODE))
    assert " q quit " in footer


@given(
    st.lists(st.sampled_from(Action), max_size=30),
    st.lists(st.integers(0, 50), unique=True, max_size=12),
    st.integers(0, 8),
)
def test_after_any_keys_the_cursor_is_on_a_row_in_sight(
    actions: list[Action], keys: list[int], page: int
) -> None:
    view = View()
    for action in actions:
        view = pressed(view, action, page, keys)
    view = settle(view, keys, page)
    assert view.selected is None or view.selected in keys
    assert view.scroll >= 0
    if keys:
        assert view.offset <= view.position < view.offset + max(1, page)
