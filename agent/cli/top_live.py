"""`agent top` on a terminal: what the screen needs from outside it, and the locale."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from agent.cli.exits import ERROR

if TYPE_CHECKING:
    from agent.config import Config
    from agent.container.container import Container
    from agent.sampler import Sampler
    from agent.top.tools import Tools
    from agent.top.view import View
    from agent.top.watching import LogSink

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
    import locale

    from agent.top.glyphs import ASCII, glyphs_for
    from agent.top.live import show
    from agent.top.terminal import UnusableTerminal

    # curses writes in the encoding of the locale, whatever Python's own streams use.
    locale.setlocale(locale.LC_ALL, "")
    encoding = locale.nl_langinfo(locale.CODESET)
    try:
        return show(
            sampler,
            view,
            delay=arguments.delay,
            count=arguments.count,
            glyphs=ASCII if arguments.ascii else glyphs_for(encoding),
            environment=os.environ,
            tools=_tools(sampler, config, start),
        )
    except UnusableTerminal as error:
        print(f"agent top: no live view: {error}; --once prints instead", file=sys.stderr)
        return ERROR


def _tools(sampler: Sampler, config: Config, start: Callable[[], None]) -> Tools:
    from agent.cli.moments import moment
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
        moment=lambda text: moment(text) / 1e9,
        begun=start,
    )
