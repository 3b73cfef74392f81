"""The loop: wait, take keys and signals, draw. It reads no kernel file and waits for no sweep."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from typing import Final

from agent.top.feed import Feed, FrameMaker, Source
from agent.top.glyphs import Glyphs
from agent.top.keys import ACTIONS, Action
from agent.top.render import page_size, render, rows_of
from agent.top.terminal import Terminal
from agent.top.view import View, act, settle, type_key
from agent.top.wake import Wake
from agent.usage import Usage

_LEAVING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_EMPTY_READS: Final = 3
"""The terminal said so often in a row that there are keys, and there were none: it is gone."""


def show(
    source: Source,
    view: View,
    *,
    delay: float,
    count: int | None,
    glyphs: Glyphs,
    environment: Mapping[str, str],
) -> int:
    """
    Show `source` until told to stop, or for `count` frames; return the exit code.

    Standard input and output are a terminal. Raises `terminal.UnusableTerminal` before anything is
    drawn, and what `source` raises after the terminal is as it was.
    """
    with Wake() as wake, Terminal(environment) as terminal:
        feed = Feed(FrameMaker(source, delay), delay, wake.frame)
        feed.start()
        try:
            return _Loop(feed, view, wake, terminal, glyphs).run(count)
        finally:
            feed.stop()


class _Loop:
    """What the loop holds between two events: the view and the rows drawn last."""

    def __init__(
        self, feed: Feed, view: View, wake: Wake, terminal: Terminal, glyphs: Glyphs
    ) -> None:
        self._feed = feed
        self._view = view
        self._wake = wake
        self._terminal = terminal
        self._glyphs = glyphs
        self._rows: list[Usage] = []
        self._empty_reads = 0

    def run(self, count: int | None) -> int:
        while True:
            if self._feed.error is not None:
                raise self._feed.error
            made = self._feed.count
            self._arrange()
            self._draw()
            if count is not None and made >= count:
                return 0
            event = self._wake.wait()
            # A terminal that hangs up also sends SIGCONT: first see whether there is one to resume.
            for number in event.signals:
                if number in _LEAVING:
                    return 128 + number
            if event.hangup or self._empty_reads >= _EMPTY_READS:
                return 128 + signal.SIGHUP
            for number in event.signals:
                self._signal(number)
            if event.keys and not self._keys():
                return 0

    def _arrange(self) -> None:
        if self._feed.frame is not None:
            self._rows = rows_of(self._feed.frame, self._view)
        self._view = settle(self._view, self._inodes(), self._page())

    def _draw(self) -> None:
        width, height = self._terminal.size()
        self._terminal.draw(
            render(self._feed.frame, self._rows, self._view, width, height, self._glyphs)
        )

    def _keys(self) -> bool:
        """Take every key there is. False: quit."""
        pressed = self._terminal.keys()
        self._empty_reads = 0 if pressed else self._empty_reads + 1
        for key in pressed:
            if self._view.draft is not None:
                self._view = type_key(self._view, key)
            else:
                action = ACTIONS.get(key)
                if action is Action.QUIT:
                    return False
                if action is Action.REDRAW:
                    self._terminal.redraw()
                elif action is not None:
                    self._view = act(self._view, action, self._inodes(), self._page())
            # The next key is about the rows as this one left them.
            self._arrange()
        return True

    def _signal(self, number: int) -> None:
        if number == signal.SIGTSTP:
            self._terminal.suspend()
        elif number == signal.SIGCONT:
            self._terminal.resume()
        elif number == signal.SIGWINCH:
            self._terminal.resize()

    def _inodes(self) -> list[int]:
        return [usage.cgroup.inode for usage in self._rows]

    def _page(self) -> int:
        return page_size(self._view, self._terminal.size()[1])
