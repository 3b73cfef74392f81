"""--host and --http-config: one other agent is asked, and its answer read as a file of the past."""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING, Final

from agent.cli.exits import ERROR, USAGE

if TYPE_CHECKING:
    from agent.fleet.access import Access
    from agent.fleet.remote import RemoteAgent

_LENGTH: Final = 300.0
"""Seconds before --at, where no beginning is said."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The option that names the agent."""
    parser.add_argument(
        "--host",
        metavar="HOST:PORT",
        help="ask the agent there, whose [api] is enabled; https://HOST:PORT where it has TLS",
    )
    add_access_argument(parser)


def add_access_argument(parser: argparse.ArgumentParser) -> None:
    """The option for credentials, for whatever server is asked."""
    parser.add_argument(
        "--http-config",
        metavar="FILE",
        help="credentials and certificates, as Prometheus' http_config (and promtool) has them",
    )


def access(arguments: argparse.Namespace) -> Access | None:
    """Raise ValueError for a file that cannot be used."""
    from agent.fleet.access import read_access

    return read_access(arguments.http_config) if arguments.http_config else None


def agent_of(command: str, arguments: argparse.Namespace) -> RemoteAgent:
    """The agent that is named; says what is wrong and exits."""
    from agent.fleet.remote import RemoteAgent

    try:
        return RemoteAgent(arguments.host, access(arguments))
    except ValueError as error:
        print(f"agent {command}: {error}", file=sys.stderr)
        raise SystemExit(USAGE) from None


def take(command: str, arguments: argparse.Namespace) -> None:
    """
    Ask for the time that is wanted, and go on as if its file had been named with --from.

    Without --since, --at and --until that is the last minute. Says what is wrong and exits.
    """
    from agent.fleet.server import CannotAsk

    if arguments.file is not None:
        print(f"agent {command}: --host or --from, not both", file=sys.stderr)
        raise SystemExit(USAGE)
    since, until = arguments.since, arguments.until
    if since is None and until is not None:
        since = max(until - _LENGTH, 0.0)
    elif since is not None and until is None:
        until = time.time()
    try:
        fd = agent_of(command, arguments).file(since, until)
    except CannotAsk as error:
        print(f"agent {command}: {error}", file=sys.stderr)
        raise SystemExit(ERROR) from None
    arguments.file = f"/proc/self/fd/{fd}"
