"""What is shown and what the person makes of it: the view, its rows, its panel, each key and click.

It waits for nothing and draws nothing; `live.py` does. Of the terminal it needs its size, its
clipboard and its mouse.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Generic

from agent.faults import told
from agent.records import replace
from agent.selection.item import Item
from agent.top.act import Seen, act, choose_set
from agent.top.columns import find_column
from agent.top.feed import Feed, Read
from agent.top.frame import Frame
from agent.top.glyphs import Glyphs
from agent.top.keys import SET_KEYS, Action, action_of
from agent.top.layout import hit, page_size
from agent.top.looking import Looking
from agent.top.mouse import WHEEL_DOWN, WHEEL_UP, Click
from agent.top.open_panel import Panels
from agent.top.panel import Panel
from agent.top.prompt import Choice, choose, copy_choices, sort_choices, type_key
from agent.top.render import render
from agent.top.row import Row
from agent.top.rows import rows_of
from agent.top.screen import Screen
from agent.top.steady import Steady
from agent.top.terminal import Terminal
from agent.top.view import Prompt, Show, View, settle, sort_by

_WHEEL: Final = 3
"""Rows."""


class Control(Generic[Read]):
    """One person's screen, between two events."""

    def __init__(
        self,
        feed: Feed[Read],
        view: View,
        terminal: Terminal,
        glyphs: Glyphs,
        looking: Looking[Read],
        panels: Panels,
        *,
        pinned: bool,
        keep: Callable[[View], str] | None,
    ) -> None:
        """keep: see `Tools`. pinned: there is no now, and it goes back to the moment of `view`."""
        self._feed = feed
        self._view = view
        self._terminal = terminal
        self._glyphs = glyphs
        self._looking = looking
        self._panels = panels
        self._pinned = view.at if pinned else None
        self._keep = keep
        self._steady = Steady()
        self._frame: Frame | None = None
        self._rows: Sequence[Row] = []
        self._panel: Panel | None = None

    def arrange(self) -> None:
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

    def screen(self) -> Screen:
        """What is to be drawn."""
        width, height = self._terminal.size()
        return render(
            self._frame,
            self._rows,
            self._view,
            width,
            height,
            self._glyphs,
            panel=self._panel,
            choices=self._choices(),
        )

    def press(self, pressed: str | Click) -> bool:
        """Do what a key or a click asks for. False: quit."""
        self._view = replace(self._view, message="")
        if isinstance(pressed, Click):
            self._click(pressed)
        elif not self._key(pressed):
            return False
        # The next key is about the rows as this one left them.
        self.arrange()
        return True

    def _key(self, key: str) -> bool:
        if self._view.prompt is not None and self._view.prompt.asks == "command":
            return self._type_command(self._view.prompt, key)
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
            return action_asked is None or self._act(action_asked)
        return True

    def _type_command(self, prompt: Prompt, key: str) -> bool:
        """A key of a command that is typed. False: it was quit."""
        from agent.top import command  # only who types one needs it

        if key == "Tab":
            completed = command.complete(prompt.text)
            self._view = replace(self._view, prompt=replace(prompt, text=completed))
            return True
        if key != "Enter":
            self._view = type_key(self._view, key)
            return True
        try:
            asked = command.parse(prompt.text)
            if not asked.value:
                self._view = replace(self._view, prompt=None)
                return self._act(asked.action)
            if asked.action is Action.JUMP:
                self._view = self._looking.jump(
                    replace(self._view, prompt=Prompt("jump", asked.value))
                )
            else:
                self._view = replace(command.apply(self._view, asked), prompt=None)
        except command.BadCommand as mistake:
            self._view = replace(self._view, message=str(mistake))
        return True

    def _act(self, action: Action) -> bool:
        """Do it. False: quit."""
        view, live = self._view, self._feed.frame
        match action:
            case Action.QUIT:
                return False
            case Action.COMMAND:
                self._view = replace(view, prompt=Prompt("command"))
            case Action.REDRAW:
                self._terminal.redraw()
            case Action.MOUSE:
                self._view = replace(
                    view,
                    mouse=not view.mouse,
                    message="mouse off: the terminal selects text" if view.mouse else "mouse on",
                )
                self._terminal.mouse(on=self._view.mouse)
            case Action.KEEP:
                self._view = replace(view, message=self._kept(view))
            case Action.PAUSE if view.show is not Show.COLUMNS:
                self._view = self._looking.pause(view, live)
            case Action.EARLIER:
                self._view = self._looking.step(view, live, back=True)
            case Action.LATER if view.show is not Show.LOGS:
                self._view = self._looking.step(view, live, back=False)
            case _:
                self._view = act(view, action, self._seen())
        return True

    def _kept(self, view: View) -> str:
        if self._keep is None:
            return "there is nowhere to keep it"
        try:
            return f"columns, order and grouping are kept in {self._keep(view)}"
        except OSError as error:
            return f"not kept: {told(error)}"

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
            self._view = sort_by(self._view, find_column(found.column).sort)
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
        return next((row for row in self._rows if row.key == self._view.selected), None)

    def _item(self) -> Item | None:
        row = self._row()
        return None if row is None else row.item

    def _page(self) -> int:
        return page_size(self._view, self._terminal.size()[1])
