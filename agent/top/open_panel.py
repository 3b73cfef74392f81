"""The panel that a View shows: what it needs is started when it is opened and ended when closed.

What only a panel needs is loaded when it is opened: the first table is not to wait for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from agent.selection.item import Item
from agent.top.frame import Frame
from agent.top.glyphs import Glyphs
from agent.top.panel import Panel
from agent.top.screen import Span, Style
from agent.top.tools import Tools
from agent.top.view import Show, View

if TYPE_CHECKING:
    from agent.top.watching import LogWatcher, ProcessWatcher


class Panels:
    """Makes the panel, tick after tick. `close` it."""

    def __init__(self, tools: Tools, glyphs: Glyphs, wake: Callable[[], None]) -> None:
        self._tools = tools
        self._glyphs = glyphs
        self._wake = wake
        self._process_watcher: ProcessWatcher | None = None
        self._log_watcher: LogWatcher | None = None
        self._watched: tuple[Show, str] | None = None
        """What one of them looks at."""

    def close(self) -> None:
        """End whatever still looks."""
        for watcher in (self._process_watcher, self._log_watcher):
            if watcher is not None:
                watcher.close()
        self._process_watcher = self._log_watcher = self._watched = None

    def panel(self, view: View, item: Item | None, frame: Frame | None, width: int) -> Panel | None:
        """None where the table is shown. `item` is the container under the cursor."""
        subject = None if view.show is None or item is None else (view.show, item.title)
        if subject != self._watched and self._watched is not None:
            self.close()
        match view.show:
            case None:
                return None
            case Show.HELP:
                from agent.top.help import help_panel

                return help_panel(self._glyphs)
            case Show.COLUMNS:
                from agent.top.chooser import chooser_panel

                return chooser_panel(view, self._glyphs)
            case _ if item is None or frame is None:
                return Panel("", [(Span(" it is gone", Style.FAINT),)])
            case Show.WHY:
                from agent.top.why_panel import why_panel

                return why_panel(frame, item, width, self._glyphs)
            case Show.PROCESSES:
                return self._processes(view, item)
            case Show.LOGS:
                return self._log(view, item)

    def _processes(self, view: View, item: Item) -> Panel:
        from agent.top.process_panel import process_panel
        from agent.top.watching import ProcessWatcher

        pids, cgroup = self._tools.pids, item.cgroup
        if view.at is not None:
            return _says("processes", item, "of now alone, not of the past: Esc, then Esc for now")
        if pids is None or cgroup is None:
            return _says("processes", item, "it has none just now")
        watcher = self._process_watcher
        if watcher is None:
            watcher = self._process_watcher = ProcessWatcher(lambda: pids(cgroup), self._wake)
            self._watched = Show.PROCESSES, item.title
        watcher.proportional = view.proportional
        return process_panel(
            item.title,
            watcher.found,
            watcher.said,
            self._glyphs,
            proportional=view.proportional,
        )

    def _log(self, view: View, item: Item) -> Panel:
        from agent.top.log_panel import log_panel
        from agent.top.watching import LogWatcher

        follow, container = self._tools.follow_log, item.container
        if follow is None or container is None:
            return _says("log", item, "it has no container whose log could be found")
        watcher = self._log_watcher
        if watcher is None:
            watcher = self._log_watcher = LogWatcher(
                lambda sink, stop: follow(container, sink, stop), self._wake
            )
            self._watched = Show.LOGS, item.title
        return log_panel(
            item.title,
            watcher.sink.lines(),
            watcher.said,
            view.shown_search,
            self._glyphs,
            stamps=view.stamps,
        )


def _says(what: str, item: Item, text: str) -> Panel:
    return Panel(f"{what} of {item.title}", [(Span(f" {text}", Style.FAINT),)])
