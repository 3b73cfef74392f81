"""command: what is typed after a colon."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.top.command import COMMANDS, BadCommand, Command, apply, complete, offers, parse
from agent.top.keys import BINDINGS, Action
from agent.top.sets import SETS
from agent.top.view import Show, View


def test_every_key_but_the_colon_has_a_word() -> None:
    assert {parse(word).action for word in COMMANDS} == {binding.action for binding in BINDINGS} - {
        Action.COMMAND
    }


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("why", Command(Action.WHY)),
        ("q", Command(Action.QUIT)),
        ("  FAULTS ", Command(Action.FAULTS)),
        ("sort", Command(Action.SORT)),
        ("sort-n", Command(Action.SORT_NEXT)),
        ("sort mem", Command(Action.SORT, "mem")),
        ("fi ns=shop  !debug", Command(Action.FILTER, "ns=shop  !debug")),
        ("jump 03:12", Command(Action.JUMP, "03:12")),
    ],
)
def test_a_word_or_as_much_of_it_as_tells_it_apart(text: str, command: Command) -> None:
    assert parse(text) == command


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "there is no command ''; Tab shows what there is"),
        ("wyh", "there is no command 'wyh'; did you mean why?"),
        ("co", "co may be columns, copy, collapse"),
        ("quit now", "quit takes nothing more"),
    ],
)
def test_what_is_none_is_told(text: str, told: str) -> None:
    with pytest.raises(BadCommand) as raised:
        parse(text)
    assert str(raised.value) == told


def test_a_value_is_chosen_and_what_covers_the_table_is_gone() -> None:
    view = View(show=Show.HELP, scroll=3)
    assert apply(view, parse("sort mem")) == View(sort="mem")
    assert apply(view, parse("sort -why")) == View(sort="trouble", reverse=True)
    assert apply(view, parse("group pod")) == View(group="pod")
    assert apply(View(group="pod"), parse("group none")) == View()
    assert apply(view, parse("filter ns=shop")) == View(filter="ns=shop")
    assert apply(view, parse("columns io")).columns == SETS[3].columns


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("sort mme", "did you mean mem?"),
        ("group pdo", "group by none, pod, host,"),
        ("columns x", "columns: overview, cpu,"),
        ("filter cpu>x", "at "),
    ],
)
def test_a_value_that_is_none_is_told(text: str, told: str) -> None:
    with pytest.raises(BadCommand) as raised:
        apply(View(), parse(text))
    assert told in str(raised.value)


def test_tab_goes_as_far_as_all_agree() -> None:
    assert offers("gr") == ("group",)
    assert complete("gr") == "group "
    assert complete("so") == "sort"
    assert complete("w") == "why"
    assert offers("group p") == ("pod", "project")
    assert complete("group po") == "group pod"
    assert complete("gr po") == "gr pod"
    assert complete("nothing") == "nothing"
    assert offers("quit ") == offers("nothing x") == ()
    assert len(offers("")) == len(COMMANDS)


@given(st.text(max_size=12) | st.sampled_from(sorted(COMMANDS)).map(lambda word: f"{word} x"))
def test_whatever_is_typed_is_a_command_or_told(text: str) -> None:
    complete(text)
    with suppress(BadCommand):  # anything else is a fault
        command = parse(text)
        if command.value and command.action is not Action.JUMP:
            apply(View(), command)
