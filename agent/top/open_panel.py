"""The panel that a View shows: what it needs is started when it is opened and ended when closed."""

from __future__ import annotations

from collections.abc import Callable

from agent.selection.item import Item
from agent.top.chooser import chooser_panel
from agent.top.frame import Frame
from agent.top.glyphs import Glyphs
from agent.top.help import help_panel
from agent.top.log_panel import log_panel
from agent.top.panel import Panel
from agent.top.process_panel import process_panel
from agent.top.screen import Span, Style
from agent.top.tools import Tools
from agent.top.view import Show, View
from agent.top.watching import LogWatcher, ProcessWatcher
from agent.top.why_panel import why_panel


class Panels:
    """Makes the panel, tick after tick. `close` it."""

    def __init__(self, tools: Tools, glyphs: Glyphs, wake: Callable[[], None]) -> None:
        self._tools = tools
        self._glyphs = glyphs
        self._wake = wake
        self._watcher: ProcessWatcher | LogWatcher | None = None
        self._watched: tuple[Show, str] | None = None
        """What `_watcher` looks at."""

    def close(self) -> None:
        """End whatever still looks."""
        if self._watcher is not None:
            self._watcher.close()
        self._watcher = self._watched = None

    def panel(self, view: View, item: Item | None, frame: Frame | None, width: int) -> Panel | None:
        """None where the table is shown. `item` is the container under the cursor."""
        subject = None if view.show is None or item is None else (view.show, item.title)
        if subject != self._watched and self._watched is not None:
            self.close()
        match view.show:
            case None:
                return None
            case Show.HELP:
                return help_panel(self._glyphs)
            case Show.COLUMNS:
                return chooser_panel(view, self._glyphs)
            case _ if item is None or frame is None:
                return Panel("", [(Span(" it is gone", Style.FAINT),)])
            case Show.WHY:
                return why_panel(frame, item, width, self._glyphs)
            case Show.PROCESSES:
                return self._processes(view, item)
            case Show.LOGS:
                return self._log(view, item)

    def _processes(self, view: View, item: Item) -> Panel:
        pids, cgroup = self._tools.pids, item.cgroup
        if view.at is not None:
            return _says("processes", item, "of now alone, not of the past: Esc, then Esc for now")
        if pids is None or cgroup is None:
            return _says("processes", item, "it has none just now")
        if not isinstance(self._watcher, ProcessWatcher):
            self._watcher = ProcessWatcher(lambda: pids(cgroup), self._wake)
            self._watched = Show.PROCESSES, item.title
        self._watcher.proportional = view.proportional
        return process_panel(
            item.title,
            self._watcher.found,
            self._watcher.said,
            self._glyphs,
            proportional=view.proportional,
        )

    def _log(self, view: View, item: Item) -> Panel:
        follow, container = self._tools.follow_log, item.container
        if follow is None or container is None:
            return _says("log", item, "it has no container whose log could be found")
        if not isinstance(self._watcher, LogWatcher):
            self._watcher = LogWatcher(lambda sink, stop: follow(container, sink, stop), self._wake)
            self._watched = Show.LOGS, item.title
        return log_panel(
            item.title,
            self._watcher.sink.lines(),
            self._watcher.said,
            view.shown_search,
            self._glyphs,
            stamps=view.stamps,
        )


def _says(what: str, item: Item, text: str) -> Panel:
    return Panel(f"{what} of {item.title}", [(Span(f" {text}", Style.FAINT),)])
