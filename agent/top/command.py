"""`:` and a name: what every key does, by a word, and values for what the keys step through. Pure.

why                 as the key w; the words are those of the key table
filter ns=shop      filter TEXT, group BY, sort FIELD, columns SET, jump TIME
gr pod              as much of a word as tells it apart is enough
"""

from __future__ import annotations

import os.path
from collections.abc import Callable, Iterable
from typing import Final

from agent.records import NamedTuple, replace
from agent.selection.fields import NoSuchField
from agent.top.act import choose_set
from agent.top.columns import BY_KEY, find_column
from agent.top.grouping import CYCLE, GROUPINGS, NONE
from agent.top.keys import BINDINGS, Action
from agent.top.prompt import filter_mistake
from agent.top.sets import SETS
from agent.top.view import View

COMMANDS: Final = {
    binding.action.name.lower().replace("_", "-"): binding
    for binding in BINDINGS
    if binding.action is not Action.COMMAND
}
"""Word → the keys that do the same."""


class BadCommand(ValueError):
    """No command, in words."""


class Command(NamedTuple):
    """What was typed, understood."""

    action: Action
    value: str = ""
    """What follows the word; "" where nothing does: then it does what the key does."""


def parse(text: str) -> Command:
    """Take it apart. Raises BadCommand."""
    word, _, value = text.strip().partition(" ")
    fitting = _starting(COMMANDS, word.casefold())
    if not word or not fitting:
        from difflib import get_close_matches

        near = get_close_matches(word.casefold(), COMMANDS, n=1)
        hint = f"; did you mean {near[0]}?" if near else "; Tab shows what there is"
        raise BadCommand(f"there is no command {word!r}{hint}")
    if len(fitting) > 1 and word.casefold() not in COMMANDS:
        raise BadCommand(f"{word} may be {', '.join(fitting)}")
    name = word.casefold() if word.casefold() in COMMANDS else fitting[0]
    action = COMMANDS[name].action
    if value.strip() and action not in _VALUES:
        raise BadCommand(f"{name} takes nothing more")
    return Command(action, value.strip())


def apply(view: View, command: Command) -> View:
    """The view with a value chosen; a jump is the loop's, which has the past. Raises BadCommand."""
    return _VALUES[command.action].choose(replace(view, show=None, scroll=0), command.value)


def offers(text: str) -> tuple[str, ...]:
    """Every word that may stand where the last one is being typed."""
    word, blank, value = text.lstrip().partition(" ")
    if not blank:
        return _starting(COMMANDS, word.casefold())
    try:
        found = _VALUES.get(parse(word).action)
    except BadCommand:
        return ()
    return () if found is None else _starting(found.offers, value.lstrip().casefold())


def complete(text: str) -> str:
    """What Tab makes of it: as far as all offers agree, and on to the value where there is one."""
    offered = offers(text)
    if not offered:
        return text
    word, blank, _ = text.lstrip().partition(" ")
    agreed = os.path.commonprefix(offered)  # noqa: RUF071 of words, sign by sign
    if blank:
        return f"{word} {agreed}"
    takes = len(offered) == 1 and COMMANDS[agreed].action in _VALUES
    return f"{agreed} " if takes else agreed


def _starting(words: Iterable[str], text: str) -> tuple[str, ...]:
    return tuple(word for word in words if word.startswith(text))


class _Value(NamedTuple):
    """What may follow a word."""

    choose: Callable[[View, str], View]
    offers: tuple[str, ...] = ()


def _filter(view: View, text: str) -> View:
    mistake = filter_mistake(text)
    if mistake is not None:
        raise BadCommand(mistake)
    return replace(view, filter=text)


def _group(view: View, text: str) -> View:
    by = NONE if text == _UNGROUPED else text
    if by not in CYCLE:
        raise BadCommand(f"group by {', '.join((_UNGROUPED, *GROUPINGS))}")
    return replace(view, group=by, collapsed=frozenset())


def _sort(view: View, text: str) -> View:
    try:
        column = find_column(text.removeprefix("-"))
    except NoSuchField as error:
        raise BadCommand(str(error)) from None
    return replace(view, sort=column.sort, reverse=text.startswith("-"))


def _columns(view: View, text: str) -> View:
    if text not in _SETS:
        raise BadCommand(f"columns: {', '.join(_SETS)}")
    return choose_set(view, _SETS.index(text))


_SETS: Final = tuple(each.name for each in SETS)
_UNGROUPED: Final = "none"
_VALUES: Final = {
    Action.FILTER: _Value(_filter),
    Action.GROUP: _Value(_group, (_UNGROUPED, *GROUPINGS)),
    Action.SORT: _Value(_sort, tuple(BY_KEY)),
    Action.COLUMNS: _Value(_columns, _SETS),
    Action.JUMP: _Value(lambda view, _: view),
}
