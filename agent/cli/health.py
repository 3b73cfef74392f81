"""`agent health`: is the agent on this host up and ready? For HEALTHCHECK and scripts.

It reads the same configuration as the agent, so it knows whether to speak TLS, and trusts the
certificate that is configured. It knows no password and has no client certificate: an agent that
asks for one is up, and whether it is ready is not told.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from agent.cli import settings
from agent.cli.exits import ERROR, OK, UNREACHABLE

if TYPE_CHECKING:
    import http.client

    from agent.config import Config
    from agent.web.webfile import TlsSettings


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("health", help="ask the running agent whether it is ready")
    settings.add_arguments(parser)
    settings.add_web_argument(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    import http.client

    from agent.config import split_address
    from agent.web.faults import BadWebFile

    config = settings.load_config(arguments)
    host, port = split_address(config.metrics.listen)
    # An agent that listens everywhere answers here too.
    if host in ("", "0.0.0.0", "::"):  # noqa: S104 compared, not bound
        host = "::1" if host == "::" else "127.0.0.1"
    try:
        tls = _tls(config)
        connection = _connection(tls, host, port)
    except (OSError, BadWebFile) as error:
        print(f"agent: {error}", file=sys.stderr)
        return ERROR
    try:
        if tls is not None and tls.client_auth_type == "RequireAndVerifyClientCert":
            # Only who has such a certificate hears more than the greeting.
            connection.connect()
            print("up; it asks for a client certificate")
            return OK
        connection.request("GET", "/readyz")
        response = connection.getresponse()
        answer = response.read().decode("utf-8", "replace").strip()
    except (OSError, http.client.HTTPException) as error:
        print(f"agent: no answer from {host}:{port}: {error}", file=sys.stderr)
        return UNREACHABLE
    finally:
        connection.close()
    if response.status == 401:
        print("up; it asks for a password")
        return OK
    print(answer)
    return OK if response.status == 200 else ERROR


def _tls(config: Config) -> TlsSettings | None:
    path = config.web.config_file
    if not path:
        return None
    from pathlib import Path

    from agent.web.webfile import parse_web_file

    return parse_web_file(Path(path).read_text(encoding="utf-8"), path).tls


def _connection(tls: TlsSettings | None, host: str, port: int) -> http.client.HTTPConnection:
    import http.client

    if tls is None:
        return http.client.HTTPConnection(host, port, timeout=5)
    from agent.web.tls import pinned_context

    return http.client.HTTPSConnection(host, port, timeout=5, context=pinned_context(tls))
