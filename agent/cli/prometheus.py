"""--prometheus, --match and --http-config: the same options and errors for each command."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

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
    group.add_argument(
        "--http-config",
        metavar="FILE",
        help="credentials and certificates, as Prometheus' http_config (and promtool) has them",
    )


def open_prometheus(arguments: argparse.Namespace) -> Prometheus:
    """Raise ValueError for a URL or file that cannot be used."""
    from agent.fleet.access import read_access
    from agent.fleet.prometheus import Prometheus

    access = read_access(arguments.http_config) if arguments.http_config else None
    return Prometheus(arguments.prometheus, access)
