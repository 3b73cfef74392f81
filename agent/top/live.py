"""The loop: wait, take keys and signals, draw. It reads no kernel file and waits for no sweep."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final, Generic

from agent.model import Snapshot
from agent.past import Past
from agent.selection.item import Item
from agent.top.act import Seen, act, choose_set
from agent.top.feed import Feed, Maker, Read, Source
from agent.top.frame import Frame
from agent.top.glyphs import Glyphs
from agent.top.keys import SET_KEYS, Action, action_of
from agent.top.layout import hit, page_size
from agent.top.looking import Looking
from agent.top.making import FrameMaker
from agent.top.mouse import WHEEL_DOWN, WHEEL_UP, Click
from agent.top.open_panel import Panels
from agent.top.panel import Panel
from agent.top.past import Joined, MemoryPast
from agent.top.prompt import Choice, choose, copy_choices, sort_choices, type_key
from agent.top.render import render
from agent.top.row import Key, Row
from agent.top.rows import rows_of
from agent.top.steady import Steady
from agent.top.terminal import Terminal
from agent.top.tools import Tools
from agent.top.view import Show, View, settle
from agent.top.wake import Wake

_LEAVING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_EMPTY_READS: Final = 3
"""The terminal said so often in a row that there are keys, and there were none: it is gone."""
_WHEEL: Final = 3
"""Rows."""


def show(
    source: Source[Snapshot],
    view: View,
    *,
    delay: float,
    count: int | None,
    glyphs: Glyphs,
    environment: Mapping[str, str],
    tools: Tools | None = None,
    hostname: str = "",
) -> int:
    """
    Show this host until told to stop, or for `count` frames; return the exit code.

    hostname: whose screen it is; "" for this host's.

    Standard input and output are a terminal. Raises `terminal.UnusableTerminal` before anything is
    drawn, and what `source` raises after the terminal is as it was.
    """
    tools = tools or Tools()
    recent = MemoryPast()
    maker = FrameMaker(delay, recent, hostname)
    past = recent if tools.past is None else Joined(tools.past, recent)
    return show_frames(
        source,
        maker,
        past,
        view,
        delay=delay,
        count=count,
        glyphs=glyphs,
        environment=environment,
        tools=tools,
        begun=_begun(maker, tools),
    )


def show_frames(
    source: Source[Read],
    maker: Maker[Read],
    past: Past,
    view: View,
    *,
    delay: float,
    count: int | None,
    glyphs: Glyphs,
    environment: Mapping[str, str],
    tools: Tools,
    begun: Callable[[], None],
) -> int:
    """The same of whatever `maker` makes of what `source` gives; `begun` as in `Feed`."""
    with Wake() as wake, Terminal(environment) as terminal:
        terminal.mouse(on=view.mouse)
        feed = Feed(source, maker, delay, wake.frame, begun=begun)
        panels = Panels(tools, glyphs, wake.frame)
        feed.start()
        try:
            looking = Looking(past, maker, tools.moment)
            loop = _Loop(feed, view, wake, terminal, glyphs, looking, panels, pinned=tools.replay)
            return loop.run(count)
        finally:
            panels.close()
            feed.stop()


def _begun(maker: FrameMaker, tools: Tools) -> Callable[[], None]:
    def begun() -> None:
        if tools.recent is not None:
            maker.recall(tools.recent)
        tools.begun()

    return begun


class _Loop(Generic[Read]):
    """What the loop holds between two events: the view, and what was drawn last."""

    def __init__(
        self,
        feed: Feed[Read],
        view: View,
        wake: Wake,
        terminal: Terminal,
        glyphs: Glyphs,
        looking: Looking[Read],
        panels: Panels,
        *,
        pinned: bool,
    ) -> None:
        self._feed = feed
        self._view = view
        self._wake = wake
        self._terminal = terminal
        self._glyphs = glyphs
        self._looking = looking
        self._panels = panels
        self._pinned = view.at if pinned else None
        """Where it goes back to, where there is no now."""
        self._steady = Steady()
        self._frame: Frame | None = None
        self._rows: Sequence[Row] = []
        self._panel: Panel | None = None
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
        """Take the newest facts into the order and the panel that the view asks for."""
        if self._view.at is None and self._pinned is not None:
            self._view = replace(self._view, at=self._pinned)
        self._frame = self._looking.frame(self._view, self._feed.frame)
        if self._frame is not None:
            self._steady.begin(self._frame.wall_time, self._view.order)
            self._rows = rows_of(self._frame, self._view, self._steady)
        self._view = settle(self._view, [row.key for row in self._rows], self._page())
        width, _ = self._terminal.size()
        self._panel = self._panels.panel(self._view, self._item(), self._frame, width)

    def _draw(self) -> None:
        width, height = self._terminal.size()
        self._terminal.draw(
            render(
                self._frame,
                self._rows,
                self._view,
                width,
                height,
                self._glyphs,
                panel=self._panel,
                choices=self._choices(),
            )
        )

    def _keys(self) -> bool:
        """Take every key there is. False: quit."""
        pressed = self._terminal.keys()
        self._empty_reads = 0 if pressed else self._empty_reads + 1
        for key in pressed:
            self._view = replace(self._view, message="")
            if isinstance(key, Click):
                self._click(key)
            elif not self._key(key):
                return False
            # The next key is about the rows as this one left them.
            self._arrange()
        return True

    def _key(self, key: str) -> bool:
        if self._view.prompt is not None:
            jumps = self._view.prompt.asks == "jump" and key == "Enter"
            self._view = self._looking.jump(self._view) if jumps else type_key(self._view, key)
        elif self._view.menu:
            self._choose(key)
        elif self._view.show is None and key in SET_KEYS:
            self._view = choose_set(self._view, SET_KEYS[key])
        elif key in (WHEEL_UP, WHEEL_DOWN):
            action = Action.UP if key == WHEEL_UP else Action.DOWN
            for _ in range(_WHEEL):
                self._view = act(self._view, action, self._seen())
        else:
            action_asked = action_of(key, paused=self._view.at is not None)
            if action_asked is Action.QUIT:
                return False
            if action_asked is not None:
                self._act(action_asked)
        return True

    def _act(self, action: Action) -> None:
        view, live = self._view, self._feed.frame
        match action:
            case Action.REDRAW:
                self._terminal.redraw()
            case Action.MOUSE:
                self._view = replace(
                    view,
                    mouse=not view.mouse,
                    message="mouse off: the terminal selects text" if view.mouse else "mouse on",
                )
                self._terminal.mouse(on=self._view.mouse)
            case Action.PAUSE if view.show is not Show.COLUMNS:
                self._view = self._looking.pause(view, live)
            case Action.EARLIER:
                self._view = self._looking.step(view, live, back=True)
            case Action.LATER if view.show is not Show.LOGS:
                self._view = self._looking.step(view, live, back=False)
            case _:
                self._view = act(view, action, self._seen())

    def _choose(self, key: str) -> None:
        was = self._view.menu
        self._view, chosen = choose(self._view, key, self._choices())
        if chosen is not None and was == "copy":
            self._terminal.copy(chosen.value)
            self._view = replace(self._view, message=f"copied its {chosen.label}: {chosen.value}")

    def _click(self, click: Click) -> None:
        if self._view.show is not None or self._view.prompt is not None or self._view.menu:
            return
        found = hit(self._view, self._rows, self._terminal.size(), click, self._glyphs)
        if found.column is not None:
            column = "trouble" if found.column == "why" else found.column
            reverse = not self._view.reverse if self._view.sort == column else False
            self._view = replace(self._view, sort=column, reverse=reverse)
        elif found.row is not None:
            again = found.row == self._view.selected
            self._view = replace(self._view, selected=found.row)
            if again:
                self._view = act(self._view, Action.OPEN, self._seen())

    def _choices(self) -> Sequence[Choice]:
        if self._view.menu == "sort":
            return sort_choices(self._view)
        row = self._row()
        return copy_choices(row) if self._view.menu == "copy" and row is not None else ()

    def _seen(self) -> Seen:
        length = 0 if self._panel is None else len(self._panel.lines)
        return Seen(self._rows, self._page(), length)

    def _row(self) -> Row | None:
        key: Key | None = self._view.selected
        return next((row for row in self._rows if row.key == key), None)

    def _item(self) -> Item | None:
        row = self._row()
        return None if row is None else row.item

    def _signal(self, number: int) -> None:
        if number == signal.SIGTSTP:
            self._terminal.suspend()
        elif number == signal.SIGCONT:
            self._terminal.resume()
        elif number == signal.SIGWINCH:
            self._terminal.resize()

    def _page(self) -> int:
        return page_size(self._view, self._terminal.size()[1])
