"""`agent health`: is the agent on this host up and ready? For HEALTHCHECK and scripts."""

from __future__ import annotations

import argparse
import sys

from agent.cli import settings
from agent.cli.exits import ERROR, OK, UNREACHABLE


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("health", help="ask the running agent whether it is ready")
    settings.add_arguments(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    import http.client

    from agent.config import split_address

    host, port = split_address(settings.load_config(arguments).metrics.listen)
    # An agent that listens everywhere answers here too.
    if host in ("", "0.0.0.0", "::"):  # noqa: S104 compared, not bound
        host = "::1" if host == "::" else "127.0.0.1"
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        response = connection.getresponse()
        answer = response.read().decode("utf-8", "replace").strip()
    except (OSError, http.client.HTTPException) as error:
        print(f"agent: no answer from {host}:{port}: {error}", file=sys.stderr)
        return UNREACHABLE
    finally:
        connection.close()
    print(answer)
    return OK if response.status == 200 else ERROR
