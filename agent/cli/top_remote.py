"""`agent top --host HOST:PORT`: the same screen of a host whose agent is asked."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from agent.cli import remote
from agent.cli.exits import ERROR

if TYPE_CHECKING:
    from agent.top.view import View


def run(arguments: argparse.Namespace, view: View, *, printing: bool) -> int:
    """The exit code."""
    from agent.fleet.server import CannotAsk
    from agent.top.past import MemoryPast

    agent = remote.agent_of("top", arguments)
    try:
        if printing:
            from agent.cli.top_print import show

            return show(arguments, view, agent)
        from agent.cli.top_live import go_live_from

        recent = MemoryPast()
        for snapshot in agent.window():
            recent.add(snapshot)
        return go_live_from(arguments, view, agent, recent, hostname=arguments.host)
    except CannotAsk as error:
        print(f"agent top: {error}", file=sys.stderr)
        return ERROR
