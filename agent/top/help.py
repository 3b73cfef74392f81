"""The help, made from the key table and the columns: nothing to keep in step by hand."""

from __future__ import annotations

from typing import Final, NamedTuple

from agent.top.columns import COLUMNS
from agent.top.glyphs import UNICODE, Glyphs
from agent.top.keys import BINDINGS, Binding


class HelpLine(NamedTuple):
    """What is explained, and how. A line with an empty `text` is a heading."""

    name: str
    text: str = ""


def help_lines(glyphs: Glyphs) -> tuple[HelpLine, ...]:
    """The whole help."""
    return (
        HelpLine("Keys"),
        *(HelpLine(_keys(binding, glyphs), binding.help) for binding in BINDINGS),
        HelpLine("Signs"),
        HelpLine(glyphs.denied, "there, but not permitted to this user"),
        HelpLine(glyphs.unknown, "not told by this host, or no earlier reading to compare with"),
        HelpLine(glyphs.unlimited, "no limit"),
        HelpLine("Columns"),
        *(HelpLine(column.heading, column.help) for column in COLUMNS),
    )


def footer_keys(glyphs: Glyphs) -> tuple[tuple[str, str], ...]:
    """(key, word) of the keys the footer names."""
    return (
        *((binding.keys[0], binding.short) for binding in BINDINGS if binding.short),
        (f"{glyphs.up} {glyphs.down}", "move"),
    )


def _keys(binding: Binding, glyphs: Glyphs) -> str:
    signs = {"Up": glyphs.up, "Down": glyphs.down}
    return "  ".join(signs.get(key, key) for key in binding.keys)


HELP_LENGTH: Final = len(help_lines(UNICODE))
"""Lines, whichever the signs."""
