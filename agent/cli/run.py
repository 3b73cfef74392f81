"""`agent run`: the agent itself, in the foreground until SIGTERM or Ctrl-C."""

from __future__ import annotations

import argparse
import sys

from agent.cli import settings
from agent.cli.exits import ERROR


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "run",
        help="run the agent on this host",
        description="Serve metrics, ship logs, load probes, until SIGTERM or Ctrl-C.",
    )
    settings.add_arguments(parser)
    settings.add_page_arguments(parser)
    settings.add_web_argument(parser)
    parser.add_argument(
        "--log-level",
        choices=("debug", "info", "warning", "error"),
        default="info",
        help="of the agent's own messages, on stderr (default: info)",
    )
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from agent.cli.runtimes import RUNTIMES
    from agent.lean import defer

    # dataclasses explains records without a docstring by inspect, linecache opens sources by
    # tokenize, traceback indents groups of exceptions by textwrap, urllib.parse checks addresses in
    # brackets by ipaddress; difflib is for mistakes; encodings.idna, which every look-up of an
    # address goes through, asks stringprep of names that are not ASCII.
    defer("difflib", "inspect", "ipaddress", "stringprep", "textwrap", "tokenize", *RUNTIMES)
    import logging

    import agent.plain_orjson  # noqa: F401 before anyone imports orjson itself
    from agent.cgroupfs.hierarchies import NoCgroups
    from agent.daemon import Daemon
    from agent.malloc import keep_one_arena
    from agent.web.faults import BadWebFile

    keep_one_arena()
    config = settings.load_config(arguments)
    logging.basicConfig(
        level=arguments.log_level.upper(),
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    try:
        daemon = Daemon(config)
    except (NoCgroups, BadWebFile) as error:
        print(f"agent: {error}", file=sys.stderr)
        return ERROR
    return daemon.run()
