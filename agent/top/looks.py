"""How each style looks in curses: with colours, and in bold, dim and reverse alone."""

from __future__ import annotations

import curses
from typing import Final

from agent.top.screen import Style

COLOURS: Final = {
    Style.KEY: curses.COLOR_CYAN,
    Style.GOOD: curses.COLOR_GREEN,
    Style.WARNING: curses.COLOR_YELLOW,
    Style.CRITICAL: curses.COLOR_RED,
    Style.NOTICE: curses.COLOR_CYAN,
    Style.PAUSED: curses.COLOR_YELLOW,
}
ATTRIBUTES: Final = {
    Style.PLAIN: curses.A_NORMAL,
    Style.FAINT: curses.A_DIM,
    Style.STRONG: curses.A_BOLD,
    Style.TITLE: curses.A_BOLD,
    Style.HEADING: curses.A_REVERSE,
    Style.SORTED: curses.A_REVERSE | curses.A_BOLD,
    Style.GOOD: curses.A_NORMAL,
    Style.WARNING: curses.A_BOLD,
    Style.CRITICAL: curses.A_BOLD,
    Style.KEY: curses.A_BOLD,
    Style.NOTICE: curses.A_NORMAL,
    Style.PAUSED: curses.A_REVERSE | curses.A_BOLD,
    Style.TOTAL: curses.A_BOLD,
}
