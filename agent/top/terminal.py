"""curses: Screens to the terminal, keys from it, and the terminal as it was, whatever happens.

Nothing is ever written into the last cell of the last line: the cursor would have to move on from
there, and the terminal would scroll.

https://no-color.org: with NO_COLOR set and not empty only bold, dim and reverse are used.
"""

from __future__ import annotations

import base64
import curses
import os
import signal
import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Final

from agent.top.looks import ATTRIBUTES, COLOURS
from agent.top.mouse import MASK, Click, read_mouse
from agent.top.screen import Line, Screen, Span, Style
from agent.top.width import cut, display_width

_ESCAPE_DELAY: Final = 25
"""Milliseconds to wait whether Esc is the start of an arrow key."""

_NAMES: Final = {
    "\x1b": "Esc",
    "\n": "Enter",
    "\r": "Enter",
    "\t": "Tab",
    "\x7f": "Backspace",
    "\b": "Backspace",
    "\x0c": "Ctrl-L",
    "\x15": "Ctrl-U",
    curses.KEY_UP: "Up",
    curses.KEY_DOWN: "Down",
    curses.KEY_PPAGE: "PgUp",
    curses.KEY_NPAGE: "PgDn",
    curses.KEY_HOME: "Home",
    curses.KEY_END: "End",
    curses.KEY_ENTER: "Enter",
    curses.KEY_BACKSPACE: "Backspace",
    curses.KEY_LEFT: "Left",
    curses.KEY_RIGHT: "Right",
    " ": "Space",
}


class UnusableTerminal(Exception):
    """The terminal cannot show a screen, and why."""


class Terminal:
    """The terminal while it is ours: a context manager."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._colour = not environment.get("NO_COLOR")
        self._name = environment.get("TERM", "")
        self._shown: tuple[Line, ...] = ()
        self._styles: dict[Style, int] = dict(ATTRIBUTES)
        self._out = sys.__stdout__.fileno()  # type: ignore[union-attr]  # the caller has seen that it is a terminal

    def __enter__(self) -> Terminal:
        try:
            curses.setupterm(self._name or "unknown", self._out)
        except curses.error as error:
            raise UnusableTerminal(f"TERM={self._name!r}: {error}") from None
        if curses.tigetstr("cup") is None:
            raise UnusableTerminal(f"TERM={self._name!r} cannot place the cursor")
        self._window = curses.initscr()
        try:
            self._set_up()
        except BaseException:
            curses.endwin()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self._window.keypad(False)
            curses.endwin()
        except curses.error:
            pass  # the terminal hung up: there is nothing to give back

    def size(self) -> tuple[int, int]:
        """Columns and lines."""
        lines, columns = self._window.getmaxyx()
        return columns, lines

    def draw(self, screen: Screen) -> None:
        """Show `screen`; only lines that changed are written."""
        for number, line in enumerate(screen.lines):
            if number < len(self._shown) and self._shown[number] == line:
                continue
            last = number == screen.height - 1
            self._write(number, _without_last_cell(line, screen.width) if last else line)
        self._shown = screen.lines
        try:
            self._window.refresh()
        except curses.error:
            pass  # the terminal hung up: the loop hears of it by itself

    def keys(self) -> list[str | Click]:
        """What was pressed since the last call, in order: names of keys, "" for a nameless one."""
        pressed: list[str | Click] = []
        while True:
            try:
                key = self._window.get_wch()
            except curses.error:
                return pressed
            if key == curses.KEY_MOUSE:
                pressed.append(read_mouse())
                continue
            name = _NAMES.get(key, key)
            known = isinstance(name, str) and (len(name) > 1 or name.isprintable())
            pressed.append(str(name) if known else "")

    def mouse(self, *, on: bool) -> None:
        """Take clicks, or leave them to the terminal, which then selects text with them."""
        curses.mousemask(MASK if on else 0)

    def copy(self, text: str) -> None:
        """Put text on the clipboard of whoever sits at the terminal (OSC 52), also over ssh."""
        data = base64.b64encode(text.encode("utf-8", "surrogateescape")).decode()
        os.write(self._out, f"\033]52;c;{data}\a".encode())

    def resize(self) -> None:
        """Take on the terminal's present size and draw everything anew."""
        try:
            columns, lines = os.get_terminal_size(self._out)
        except OSError:
            # The terminal is gone; the loop sees that by itself.
            return
        curses.resizeterm(max(1, lines), max(1, columns))
        self.redraw()

    def redraw(self) -> None:
        """Forget what is shown, so that the next draw writes every cell."""
        self._shown = ()
        self._window.clear()

    def suspend(self) -> None:
        """Give the terminal back and stop, as Ctrl-Z asks; return when continued."""
        curses.def_prog_mode()
        curses.endwin()
        ours = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        signal.raise_signal(signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, ours)

    def resume(self) -> None:
        """Take the terminal again after a stop, whoever stopped us."""
        try:
            curses.reset_prog_mode()
            self._window.refresh()
        except curses.error:
            return  # the terminal hung up, which continues us too: the loop hears of it by itself
        self.resize()

    def _set_up(self) -> None:
        curses.noecho()
        curses.cbreak()
        curses.set_escdelay(_ESCAPE_DELAY)
        self._window.keypad(True)
        self._window.nodelay(True)
        curses.mouseinterval(0)
        try:
            curses.curs_set(0)
        except curses.error:
            pass  # a terminal that cannot hide its cursor
        if self._colour and curses.tigetnum("colors") >= 8:
            curses.start_color()
            curses.use_default_colors()
            for pair, (style, colour) in enumerate(COLOURS.items(), start=1):
                curses.init_pair(pair, colour, -1)
                self._styles[style] |= curses.color_pair(pair)

    def _write(self, number: int, line: Line) -> None:
        column = 0
        for span in line:
            attribute = self._styles[span.style]
            if span.selected:
                attribute |= curses.A_REVERSE
            try:
                self._window.addstr(number, column, span.text, attribute)
            except curses.error:
                # The window became smaller after it was asked for its size: a resize follows.
                return
            column += display_width(span.text)


def _without_last_cell(line: Line, width: int) -> Line:
    kept: list[Span] = []
    left = width - 1
    for span in line:
        text = cut(span.text, left, "")
        kept.append(span._replace(text=text))
        left -= display_width(text)
    return tuple(kept)
