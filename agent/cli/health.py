"""`agent health`: is the agent on this host up and ready, and does all of it work?

For HEALTHCHECK and scripts.

It reads the same configuration as the agent, so it knows whether to speak TLS, and trusts the
certificate that is configured. It knows no password and has no client certificate: an agent that
asks for one is up, and whether it is ready is not told.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Final

from agent.cli import settings
from agent.cli.exits import ERROR, FINDINGS, OK, UNREACHABLE
from agent.faults import told

CLIENT_CERTIFICATE: Final = 0
"""Where there is no status."""
GOOD: Final = 200
UNAUTHORIZED: Final = 401
DEGRADED: Final = "degraded"
"""How the answer of an agent begins of which not all works."""

_EPILOG: Final = """\
prints:
  ok          all that is configured works
  degraded    it is up and ready, but for what the lines below say
  up; …       it asks for a password or a client certificate, and tells no more

exit codes:
  0 ok, up, and degraded: a new start would not mend it, and HEALTHCHECK is not to cause one
  10 degraded, with --exit-code     1 not ready yet     5 nobody answers
"""

if TYPE_CHECKING:
    import http.client

    from agent.config import Config
    from agent.web.webfile import TlsSettings


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "health",
        help="ask the running agent whether it is ready, and what of it does not work",
        description="Ask the running agent whether it has read the host, and what its configuration"
        " asks for and does not work: probes, history, logs, APIs, remote write.",
        epilog=_EPILOG,
    )
    parser.add_argument(
        "--exit-code", action="store_true", help="exit with 10 where something does not work"
    )
    settings.add_arguments(parser)
    settings.add_web_argument(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from agent.web.faults import BadWebFile

    config = settings.load_config(arguments)
    try:
        status, answer = fetch(config, "/readyz?verbose")
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
        print(answer.replace("\n", "\n  "))
        if status != GOOD:
            return ERROR
        if arguments.exit_code and answer.startswith(DEGRADED):
            return FINDINGS
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
