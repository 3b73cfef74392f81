"""`agent health`: is the agent on this host up and ready? For HEALTHCHECK and scripts.

It reads the same configuration as the agent, so it knows whether to speak TLS, and trusts the
certificate that is configured. It knows no password and has no client certificate: an agent that
asks for one is up, and whether it is ready is not told.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Final

from agent.cli import settings
from agent.cli.exits import ERROR, OK, UNREACHABLE
from agent.faults import told

CLIENT_CERTIFICATE: Final = 0
"""Where there is no status."""
GOOD: Final = 200
UNAUTHORIZED: Final = 401

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
    from agent.web.faults import BadWebFile

    config = settings.load_config(arguments)
    try:
        status, answer = fetch(config, "/readyz")
    except Unreachable as error:
        print(f"agent: {error}", file=sys.stderr)
        return UNREACHABLE
    except (OSError, BadWebFile) as error:
        print(f"agent: {told(error)}", file=sys.stderr)
        return ERROR
    if status == CLIENT_CERTIFICATE:
        print("up; it asks for a client certificate")
    elif status == UNAUTHORIZED:
        print("up; it asks for a password")
    else:
        print(answer)
        return OK if status == GOOD else ERROR
    return OK


class Unreachable(Exception):
    """Nobody answers, in words."""


def fetch(config: Config, path: str) -> tuple[int, str]:
    """
    Ask the agent that runs by `config`: (HTTP status, text).

    CLIENT_CERTIFICATE and "": it asks for one, and only the greeting was heard. Raises Unreachable;
    OSError and BadWebFile where the web configuration cannot be used.
    """
    import http.client

    from agent.config import split_address

    host, port = split_address(config.metrics.listen)
    # An agent that listens everywhere answers here too.
    if host in ("", "0.0.0.0", "::"):  # noqa: S104 compared, not bound
        host = "::1" if host == "::" else "127.0.0.1"
    tls = _tls(config)
    connection = _connection(tls, host, port)
    try:
        if tls is not None and tls.client_auth_type == "RequireAndVerifyClientCert":
            # Only who has such a certificate hears more than the greeting.
            connection.connect()
            return CLIENT_CERTIFICATE, ""
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode("utf-8", "replace").strip()
    except (OSError, http.client.HTTPException) as error:
        raise Unreachable(f"no answer from {host}:{port}: {_said(error)}") from error
    finally:
        connection.close()


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


def _said(error: OSError | http.client.HTTPException) -> str:
    return told(error) if isinstance(error, OSError) else str(error)
