"""The keys, once: the loop looks them up here, and help and footer are written from here.

A key's name is what a person calls it ("Up", "PgDn", "Esc", "q"); the back-end turns what its
terminal sends into these names.
"""

from __future__ import annotations

import enum
from typing import NamedTuple


class Action(enum.Enum):
    """What a key asks for."""

    QUIT = enum.auto()
    UP = enum.auto()
    DOWN = enum.auto()
    PAGE_UP = enum.auto()
    PAGE_DOWN = enum.auto()
    HOME = enum.auto()
    END = enum.auto()
    SORT_NEXT = enum.auto()
    SORT_PREVIOUS = enum.auto()
    REVERSE = enum.auto()
    FILTER = enum.auto()
    EVERYTHING = enum.auto()
    REDRAW = enum.auto()
    HELP = enum.auto()
    BACK = enum.auto()


class Binding(NamedTuple):
    """Keys that do the same."""

    keys: tuple[str, ...]
    action: Action
    help: str
    short: str = ""
    """For the footer; "" leaves it out there."""


BINDINGS: tuple[Binding, ...] = (
    Binding(("q",), Action.QUIT, "quit", "quit"),
    Binding(("?", "h"), Action.HELP, "this help, on and off", "help"),
    Binding(("s", ">"), Action.SORT_NEXT, "sort by the next column", "sort"),
    Binding(("<",), Action.SORT_PREVIOUS, "sort by the column before"),
    Binding(("r", "S"), Action.REVERSE, "reverse the order", "reverse"),
    Binding(("/",), Action.FILTER, "filter: Enter keeps it, Esc gives up", "filter"),
    Binding(("a",), Action.EVERYTHING, "also sandboxes, pods, slices and services", "all"),
    Binding(("Up", "k"), Action.UP, "one row up"),
    Binding(("Down", "j"), Action.DOWN, "one row down"),
    Binding(("PgUp",), Action.PAGE_UP, "one page up"),
    Binding(("PgDn",), Action.PAGE_DOWN, "one page down"),
    Binding(("Home",), Action.HOME, "first row"),
    Binding(("End",), Action.END, "last row"),
    Binding(("Esc",), Action.BACK, "leave the help, drop the filter, let go of the row"),
    Binding(("Ctrl-L",), Action.REDRAW, "draw everything again"),
)

ACTIONS: dict[str, Action] = {key: binding.action for binding in BINDINGS for key in binding.keys}
