"""`agent top --prometheus URL`: the same table of all hosts a Prometheus scrapes."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from agent.cli.exits import ERROR, USAGE
from agent.cli.prometheus import open_prometheus

if TYPE_CHECKING:
    from agent.top.view import View


def run(arguments: argparse.Namespace, view: View, *, printing: bool) -> int:
    """The exit code."""
    from agent.fleet.frames import LEAST_DELAY, FleetMaker, FleetSource
    from agent.fleet.server import CannotAsk
    from agent.records import replace
    from agent.top.sets import with_host

    arguments.delay = max(arguments.delay, LEAST_DELAY)
    if not arguments.fields:
        view = replace(view, columns=with_host(view.columns))
    try:
        source = FleetSource(open_prometheus(arguments), arguments.match)
        maker = FleetMaker(arguments.delay)
        if printing:
            from agent.cli.top_print import show_frames

            return show_frames(arguments, view, source, maker, at_once=True)
        from agent.cli.top_live import go_live_frames

        return go_live_frames(arguments, view, source, maker)
    except CannotAsk as error:
        print(f"agent top: {error}", file=sys.stderr)
        return ERROR
    except ValueError as error:
        print(f"agent top: {error}", file=sys.stderr)
        return USAGE
