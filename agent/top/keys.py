"""The keys, once: the loop looks them up here, and help and footer are written from here.

A key's name is what a person calls it ("Up", "PgDn", "Esc", "q"); the back-end turns what its
terminal sends into these names.
"""

from __future__ import annotations

import enum
from typing import Final

from agent.records import NamedTuple
from agent.top.sets import SETS


class Action(enum.Enum):
    """What a key asks for."""

    QUIT = enum.auto()
    UP = enum.auto()
    DOWN = enum.auto()
    PAGE_UP = enum.auto()
    PAGE_DOWN = enum.auto()
    HOME = enum.auto()
    END = enum.auto()
    OPEN = enum.auto()
    BACK = enum.auto()
    COLLAPSE = enum.auto()
    EXPAND = enum.auto()
    WHY = enum.auto()
    PROCESSES = enum.auto()
    LOGS = enum.auto()
    FAULTS = enum.auto()
    FILTER = enum.auto()
    GROUP = enum.auto()
    SORT = enum.auto()
    SORT_NEXT = enum.auto()
    SORT_PREVIOUS = enum.auto()
    REVERSE = enum.auto()
    COLUMNS = enum.auto()
    EVERYTHING = enum.auto()
    PAUSE = enum.auto()
    LATER = enum.auto()
    EARLIER = enum.auto()
    JUMP = enum.auto()
    COPY = enum.auto()
    KEEP = enum.auto()
    MOUSE = enum.auto()
    PROPORTIONAL = enum.auto()
    REDRAW = enum.auto()
    COMMAND = enum.auto()
    HELP = enum.auto()


class Binding(NamedTuple):
    """Keys that do the same."""

    keys: tuple[str, ...]
    action: Action
    help: str
    short: str = ""
    """For the footer; "" leaves it out there."""


BINDINGS: Final[tuple[Binding, ...]] = (
    Binding(("q",), Action.QUIT, "quit", "quit"),
    Binding(("?", "h"), Action.HELP, "this help, on and off", "help"),
    Binding(("w",), Action.WHY, "what is wrong with this one: evidence and advice", "why"),
    Binding(("l",), Action.LOGS, "its log, as it is written", "logs"),
    Binding(("p",), Action.PROCESSES, "its processes", "procs"),
    Binding(("f",), Action.FAULTS, "only what something is wrong with, on and off", "faults"),
    Binding(("/",), Action.FILTER, "filter, as ns=shop cpu>1 !debug; Esc gives up", "filter"),
    Binding(("g",), Action.GROUP, "group: by pod, namespace, project, image, runtime", "group"),
    Binding(("s",), Action.SORT, "sort: then the letter of a column", "sort"),
    Binding(("<",), Action.SORT_PREVIOUS, "sort by the column before"),
    Binding((">",), Action.SORT_NEXT, "sort by the next column"),
    Binding(("r", "S"), Action.REVERSE, "reverse the order"),
    Binding(("Space",), Action.PAUSE, "pause, and go on", "pause"),
    Binding(("T",), Action.EARLIER, "one reading back (pauses)", "back"),
    Binding(("t",), Action.LATER, "one reading on", "on"),
    Binding(("J",), Action.JUMP, "jump to a time, as 03:12 or 5m (ago); j too while paused"),
    Binding(("c",), Action.COLUMNS, "choose columns", "columns"),
    Binding(("y",), Action.COPY, "copy its id, name, cgroup or a command to the clipboard", "copy"),
    Binding(("W",), Action.KEEP, "keep columns, order and grouping for the next time"),
    Binding(("a",), Action.EVERYTHING, "also sandboxes, pods, slices and services", "all"),
    Binding(("Enter",), Action.OPEN, "open a container (why), fold or unfold a group"),
    Binding(("Left",), Action.COLLAPSE, "fold the group"),
    Binding(("Right",), Action.EXPAND, "unfold the group"),
    Binding(("Up", "k"), Action.UP, "one row up"),
    Binding(("Down", "j"), Action.DOWN, "one row down"),
    Binding(("PgUp",), Action.PAGE_UP, "one page up"),
    Binding(("PgDn",), Action.PAGE_DOWN, "one page down"),
    Binding(("Home",), Action.HOME, "first row"),
    Binding(("End",), Action.END, "last row"),
    Binding(("Esc",), Action.BACK, "back; live again; drop the filter; let go of the row"),
    Binding(
        (":",), Action.COMMAND, "all this by name: sort mem, group pod; Tab completes", "command"
    ),
    Binding(("P",), Action.PROPORTIONAL, "of processes also PSS, which is slow to measure"),
    Binding(("m",), Action.MOUSE, "the mouse: off lets the terminal select text"),
    Binding(("Ctrl-L",), Action.REDRAW, "draw everything again"),
)

ACTIONS: Final = {key: binding.action for binding in BINDINGS for key in binding.keys}
SET_KEYS: Final = {str(number): number - 1 for number in range(1, len(SETS) + 1)}
"""Key → place in SETS."""


def action_of(key: str, *, paused: bool) -> Action | None:
    """What a key asks for; while paused j jumps, as in the tool below."""
    return Action.JUMP if paused and key == "j" else ACTIONS.get(key)
