"""Lines that are typed, and menus that wait for a letter. Pure.

A filter applies while it is typed, and what is not yet one keeps everything; Enter keeps it only
once it is one.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from agent.records import NamedTuple, replace
from agent.selection.language import BadSelection, parse_selection
from agent.top.columns import find_column
from agent.top.row import Row
from agent.top.view import View, sort_by


class Choice(NamedTuple):
    """One line of a menu."""

    letter: str
    label: str
    value: str
    """The key of a column; the text to copy."""


def type_key(view: View, key: str) -> View:
    """One key while something is typed. Enter of a jump is the loop's, which has the past."""
    prompt = view.prompt
    if prompt is None:
        return view
    match key:
        case "Enter" if prompt.asks == "filter":
            mistake = filter_mistake(prompt.text)
            if mistake is not None:
                return replace(view, message=mistake)
            return replace(view, filter=prompt.text.strip(), prompt=None)
        case "Enter" if prompt.asks == "search":
            return replace(view, search=prompt.text, prompt=None, scroll=0)
        case "Esc":
            return replace(view, prompt=None)
        case "Backspace":
            return replace(view, prompt=replace(prompt, text=prompt.text[:-1]))
        case "Ctrl-U":
            return replace(view, prompt=replace(prompt, text=""))
        case "Space":
            return replace(view, prompt=replace(prompt, text=prompt.text + " "))
        case _ if len(key) == 1 and key.isprintable():
            return replace(view, prompt=replace(prompt, text=prompt.text + key))
        case _:
            return view


def filter_mistake(text: str) -> str | None:
    """What is wrong with a filter text, in a line, with the place; None where nothing is."""
    try:
        parse_selection(text)
    except BadSelection as error:
        return f"at {error.position + 1}: {error.message}"
    return None


def sort_choices(view: View) -> tuple[Choice, ...]:
    """A letter for each column shown: the first of its heading that is free."""
    taken: set[str] = set()
    choices = []
    for key in view.columns:
        column = find_column(key)
        letters = [sign for sign in column.heading.casefold() + key if sign.isalnum()]
        letter = next(
            (sign for sign in (*letters, *"abcdefghijklmnopqrstuvwxyz") if sign not in taken), ""
        )
        taken.add(letter)
        choices.append(Choice(letter, key, column.sort))
    return tuple(choices)


def copy_choices(row: Row) -> tuple[Choice, ...]:
    """What of a container can be copied."""
    item = row.item
    if item is None:
        return ()
    choices = [Choice("n", "name", item.title)]
    found = item.container
    if found is not None and found.id:
        choices.insert(0, Choice("i", "id", found.id))
    if item.cgroup is not None:
        choices.append(Choice("c", "cgroup path", item.cgroup.path))
    if found is not None and found.namespace and found.container:
        command = shlex.join(["kubectl", "-n", found.namespace, "describe", "pod", found.pod])
        choices.append(Choice("k", "kubectl command", command))
    choices.append(Choice("w", "agent why command", shlex.join(["agent", "why", item.title])))
    return tuple(choices)


def choose(view: View, key: str, choices: Sequence[Choice]) -> tuple[View, Choice | None]:
    """One key while a menu waits: what was chosen, and the view without the menu."""
    chosen = next((choice for choice in choices if choice.letter == key), None)
    closed = replace(view, menu="")
    if chosen is not None and view.menu == "sort":
        closed = sort_by(closed, chosen.value)
    return closed, chosen
