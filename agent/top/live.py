"""The loop: wait, take keys and signals, draw. It reads no kernel file and waits for no sweep."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from typing import Final, Generic

from agent.model import Snapshot
from agent.past import Past
from agent.top.control import Control
from agent.top.feed import Feed, Maker, Read, Source
from agent.top.glyphs import Glyphs
from agent.top.looking import Looking
from agent.top.making import FrameMaker
from agent.top.open_panel import Panels
from agent.top.past import Joined, MemoryPast
from agent.top.terminal import Terminal
from agent.top.tools import Tools
from agent.top.view import View
from agent.top.wake import Wake

_LEAVING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_EMPTY_READS: Final = 3
"""The terminal said so often in a row that there are keys, and there were none: it is gone."""


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
            control = Control(
                feed, view, terminal, glyphs, looking, panels, pinned=tools.replay, keep=tools.keep
            )
            return _Loop(feed, control, wake, terminal).run(count)
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
    """Waits for what happens, hands it on, draws."""

    def __init__(
        self, feed: Feed[Read], control: Control[Read], wake: Wake, terminal: Terminal
    ) -> None:
        self._feed = feed
        self._control = control
        self._wake = wake
        self._terminal = terminal
        self._empty_reads = 0

    def run(self, count: int | None) -> int:
        while True:
            if self._feed.error is not None:
                raise self._feed.error
            made = self._feed.count
            self._control.arrange()
            self._terminal.draw(self._control.screen())
            if made:
                self._feed.shown()
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

    def _keys(self) -> bool:
        """Take every key there is. False: quit."""
        pressed = self._terminal.keys()
        self._empty_reads = 0 if pressed else self._empty_reads + 1
        return all(self._control.press(key) for key in pressed)

    def _signal(self, number: int) -> None:
        if number == signal.SIGTSTP:
            self._terminal.suspend()
        elif number == signal.SIGCONT:
            self._terminal.resume()
        elif number == signal.SIGWINCH:
            self._terminal.resize()
