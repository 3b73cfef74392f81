"""`agent metrics`: the metrics page once, without a server."""

from __future__ import annotations

import argparse
import sys

from agent.cli import settings
from agent.cli.exits import OK


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "metrics", help="print the metrics page once, without a server", description=__doc__
    )
    settings.add_arguments(parser)
    settings.add_page_arguments(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from agent.daemon import page_once

    for piece in page_once(settings.load_config(arguments)):
        sys.stdout.buffer.write(piece)
    return OK
