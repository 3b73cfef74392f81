"""`agent top` on a terminal: what the screen needs from outside it, and the locale."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Final

from agent.cli.exits import ERROR
from agent.records import replace

if TYPE_CHECKING:
    from agent.config import Config
    from agent.container.container import Container
    from agent.model import Snapshot
    from agent.past import Past
    from agent.sampler import Sampler
    from agent.top.feed import Maker, Read, Source
    from agent.top.glyphs import Glyphs
    from agent.top.tools import Tools
    from agent.top.view import View
    from agent.top.watching import LogSink

_NEVER: Final = 3600.0
"""Seconds between two readings of a file, which has none."""
_LAST: Final = 500
"""Records of a log, from where on it is followed."""


def go_live(
    arguments: argparse.Namespace,
    view: View,
    sampler: Sampler,
    config: Config,
    start: Callable[[], None],
) -> int:
    """Show the screen until told to stop. `start` is called after the first frame."""
    return _show(arguments, _preferred(arguments, view), sampler, _tools(sampler, config, start))


def _preferred(arguments: argparse.Namespace, view: View) -> View:
    """What the person keeps, where the command line says nothing else."""
    from agent.top.preferences import path, read
    from agent.top.view import View

    kept, wrong = read(path(os.environ), View())
    if arguments.sort is None and not arguments.reverse:
        view = replace(view, sort=kept.sort, reverse=kept.reverse)
    if not arguments.group:
        view = replace(view, group=kept.group)
    if not arguments.fields:
        view = replace(view, columns=kept.columns)
    return replace(view, message="; ".join(wrong))


def _keep(view: View) -> str:
    from agent.top.preferences import path, write

    file = path(os.environ)
    write(file, view)
    return file


def go_live_from(
    arguments: argparse.Namespace,
    view: View,
    source: Source[Snapshot],
    recent: Past,
    *,
    hostname: str,
) -> int:
    """Show a host from afar: its last minute is there at once, its processes and logs are not."""
    from agent.top.tools import Tools

    return _show(arguments, view, source, Tools(recent=recent), hostname)


def show_past(
    arguments: argparse.Namespace, view: View, past: Past, last: Snapshot, *, hostname: str = ""
) -> int:
    """Show a past that is all there is; `last` is its newest Snapshot, `view` is at a moment."""
    from agent.cli.moments import moment_seconds
    from agent.top.tools import Tools

    tools = Tools(moment=moment_seconds, past=past, replay=True)
    arguments.delay = _NEVER
    return _show(arguments, view, _Still(last), tools, hostname)


class _Still:
    """A host that does nothing more."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def snapshot(self) -> Snapshot:
        """The same each time."""
        return self._snapshot


def _show(
    arguments: argparse.Namespace,
    view: View,
    source: Source[Snapshot],
    tools: Tools,
    hostname: str = "",
) -> int:
    from agent.top.live import show

    return _on_terminal(
        arguments,
        lambda glyphs: show(
            source,
            view,
            delay=arguments.delay,
            count=arguments.count,
            glyphs=glyphs,
            environment=os.environ,
            tools=tools,
            hostname=hostname,
        ),
    )


def go_live_frames(
    arguments: argparse.Namespace, view: View, source: Source[Read], maker: Maker[Read]
) -> int:
    """Show whatever `maker` makes of what `source` gives; there is nothing to drill down to."""
    from agent.top.live import show_frames
    from agent.top.past import MemoryPast
    from agent.top.tools import Tools

    return _on_terminal(
        arguments,
        lambda glyphs: show_frames(
            source,
            maker,
            MemoryPast(),
            view,
            delay=arguments.delay,
            count=arguments.count,
            glyphs=glyphs,
            environment=os.environ,
            tools=(tools := Tools()),
            begun=tools.begun,
        ),
    )


def _on_terminal(arguments: argparse.Namespace, show: Callable[[Glyphs], int]) -> int:
    import locale

    from agent.top.glyphs import ASCII, glyphs_for
    from agent.top.terminal import UnusableTerminal

    # curses writes in the encoding of the locale, whatever Python's own streams use.
    locale.setlocale(locale.LC_ALL, "")
    encoding = locale.nl_langinfo(locale.CODESET)
    try:
        return show(ASCII if arguments.ascii else glyphs_for(encoding))
    except UnusableTerminal as error:
        print(f"agent top: no live view: {error}; --once prints instead", file=sys.stderr)
        return ERROR


def _tools(sampler: Sampler, config: Config, start: Callable[[], None]) -> Tools:
    from agent.cli.moments import moment_seconds
    from agent.top.tools import Tools

    def follow_log(container: Container, sink: LogSink, stop: Callable[[], bool]) -> str:
        from agent.cli.logs_finding import Finder, NoLog
        from agent.cli.logs_printing import Wanted
        from agent.cli.logs_printing import show as print_log

        try:
            log = Finder(config).container(container.id)
        except NoLog as reason:
            return str(reason)
        print_log(
            log,
            Wanted(last=_LAST),
            follow=True,
            as_json=False,
            timestamps=True,
            out=sink,
            stop=stop,
            complain=sink.complain,
        )
        return ""

    return Tools(
        pids=sampler.pids,
        follow_log=follow_log,
        moment=moment_seconds,
        keep=_keep,
        past=_History(config),
        recent=_History(config),
        begun=start,
    )


class _History:
    """What a running agent keeps, opened when it is first asked: nothing where there is none, or it
    is not for this user."""

    def __init__(self, config: Config) -> None:
        self._place = config.history.place(config.logs.state)

    def moments(self, since: float, until: float) -> tuple[float, ...]:
        """See `Past`."""
        opened = self._opened
        return () if opened is None else opened.moments(since, until)

    def snapshot(self, at: float) -> Snapshot | None:
        """See `Past`."""
        opened = self._opened
        return None if opened is None else opened.snapshot(at)

    @cached_property
    def _opened(self) -> Past | None:
        from agent.history.reader import History

        try:
            return History(self._place)
        except OSError:
            return None
