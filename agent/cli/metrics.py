"""`agent metrics`: the metrics page once, without a server."""

from __future__ import annotations

import argparse
import sys

from agent.cli import settings, unread
from agent.cli.exits import ERROR, OK


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "metrics", help="print the metrics page once, without a server", description=__doc__
    )
    settings.add_arguments(parser)
    settings.add_page_arguments(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from agent.cgroupfs.hierarchies import NoCgroups
    from agent.daemon import page_once

    config = settings.load_config(arguments)
    try:
        for piece in page_once(config, lambda snapshot: unread.tell("metrics", snapshot.health)):
            sys.stdout.buffer.write(piece)
    except NoCgroups as error:
        print(f"agent metrics: {error}", file=sys.stderr)
        return ERROR
    return OK
