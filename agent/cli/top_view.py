"""The options of `agent top` as a View, or what is wrong with them."""

from __future__ import annotations

import argparse

from agent.selection.fields import FIELDS, NoSuchField
from agent.selection.language import BadSelection, parse_selection
from agent.top.columns import COLUMNS, find_column
from agent.top.grouping import GROUPINGS
from agent.top.sets import DEFAULT
from agent.top.view import View


class BadChoice(Exception):
    """An option that means nothing, in words for the person."""


def view_of(arguments: argparse.Namespace) -> View:
    """Raises BadChoice."""
    try:
        parse_selection(arguments.filter)
    except BadSelection as error:
        raise BadChoice(f"--filter: {error}") from None
    if arguments.group and arguments.group not in GROUPINGS:
        raise BadChoice(f"--group {arguments.group!r}: write one of {', '.join(GROUPINGS)}")
    sort, reverse = _sort(arguments.sort or "trouble")
    return View(
        sort=sort,
        reverse=reverse is not arguments.reverse,
        filter=arguments.filter,
        faults=arguments.faults,
        everything=arguments.all,
        group=arguments.group,
        columns=_columns(arguments),
    )


def field_names(text: str) -> tuple[str, ...]:
    """The names in --fields; "all" is every field. The name itself is always there, and first."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    if names == ["all"]:
        return tuple(field.name for field in FIELDS)
    return tuple(dict.fromkeys(("name", *names)))


def _columns(arguments: argparse.Namespace) -> tuple[str, ...]:
    if arguments.fields:
        return tuple(_key(name, "--fields") for name in field_names(arguments.fields))
    return DEFAULT


def _sort(text: str) -> tuple[str, bool]:
    """The column, and whether it goes the other way round than it would by itself."""
    column = find_column(_key(text.removeprefix("-").removeprefix("+"), "--sort"))
    return column.sort, text.startswith("-")


def _key(name: str, option: str) -> str:
    try:
        return find_column(name).key
    except NoSuchField as error:
        known = dict.fromkeys([column.key for column in COLUMNS] + [field.name for field in FIELDS])
        raise BadChoice(f"{option}: {error}\n  there are: {', '.join(known)}") from None
