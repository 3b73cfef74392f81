"""--prometheus and --match: the same options and errors for each command."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from agent.cli import remote

if TYPE_CHECKING:
    from agent.fleet.prometheus import Prometheus


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options that make a command ask Prometheus."""
    group = parser.add_argument_group("all hosts, from Prometheus")
    group.add_argument(
        "--prometheus", metavar="URL", help="ask this Prometheus instead of this host's kernel"
    )
    group.add_argument(
        "--match",
        metavar="MATCHERS",
        default="",
        help="""only series with these labels: 'cluster="a",node=~"web.*"'""",
    )


def open_prometheus(arguments: argparse.Namespace) -> Prometheus:
    """Raise ValueError for a URL or file that cannot be used."""
    from agent.fleet.prometheus import Prometheus

    return Prometheus(arguments.prometheus, remote.access(arguments))
