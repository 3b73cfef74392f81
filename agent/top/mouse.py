"""What curses says of the mouse, as a click or a turn of the wheel."""

from __future__ import annotations

import curses
from typing import Final

from agent.records import NamedTuple

WHEEL_UP: Final = "WheelUp"
WHEEL_DOWN: Final = "WheelDown"

_CLICK: Final = curses.BUTTON1_PRESSED | curses.BUTTON1_CLICKED | curses.BUTTON1_DOUBLE_CLICKED
# ncurses up to 6.1 of some distributions has no BUTTON5: there the wheel turns one way.
_DOWN: Final = getattr(curses, "BUTTON5_PRESSED", 0)
MASK: Final = _CLICK | curses.BUTTON4_PRESSED | _DOWN


class Click(NamedTuple):
    """A press of the left button: column and line, from 0."""

    x: int
    y: int


def read_mouse() -> Click | str:
    """The event curses has just announced; "" for one that means nothing."""
    try:
        _, x, y, _, state = curses.getmouse()
    except curses.error:
        return ""
    if state & curses.BUTTON4_PRESSED:
        return WHEEL_UP
    if state & _DOWN:
        return WHEEL_DOWN
    return Click(x, y) if state & _CLICK else ""
