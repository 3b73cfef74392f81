"""The command line: which command, and what its exit code means. Each command is its own file.

Start time matters here, and what `agent run` keeps in memory: only argparse is imported before a
command is known, then that command's file alone, which imports what it needs when it runs.
"""

from __future__ import annotations

import importlib
import signal
import sys
from collections.abc import Sequence

from agent.cli import streams
from agent.cli.exits import CODES, ERROR, NOT_PERMITTED, OK, USAGE
from agent.cli.helptext import Parser
from agent.cli.plain_argparse import argparse
from agent.faults import told

COMMANDS = (
    "run",
    "ps",
    "top",
    "why",
    "trace",
    "events",
    "inspect",
    "dump",
    "logs",
    "metrics",
    "demo",
    "dashboards",
    "config",
    "snapshot",
    "doctor",
    "completion",
    "health",
    "version",
    "help",
)
"""Each a module of this package, in the order of the help."""

_EPILOG = f"""\
examples:
  agent run                         metrics on 127.0.0.1:9464, logs to a file
  agent run --config agent.toml     the same by a configuration file
  agent ps                          which containers there are
  agent top                         what every container does, live
  agent top --once -o json          the same once, for a script
  agent why                         what is wrong, with evidence and advice
  agent trace web --sched           what a container asks of the kernel, live
  agent inspect web                 one container: limits, mounts, security findings
  agent logs web -f                 what a container writes
  agent why web --at 03:12          what was wrong with it last night
  agent events                      containers starting and ending, live
  agent metrics | grep oom          the metrics page, without a server
  agent doctor                      what this host lacks, and how to mend it
  agent demo                        containers that misbehave, to look at

exit codes:
{CODES}"""


def parser(command: str = "") -> argparse.ArgumentParser:
    """Build the command line: of one command, or of all where it is none of them."""
    top_level = Parser(
        prog="agent",
        description="Container observability for one host: metrics, logs, probes, and a live view.",
        epilog=_EPILOG,
    )
    top_level.add_argument("--version", action="store_true", help="print versions and exit")
    commands = top_level.add_subparsers(title="commands", metavar="COMMAND")
    for name in (command,) if command in COMMANDS else COMMANDS:
        importlib.import_module(f"agent.cli.{name}").register(commands)
    return top_level


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    argv = sys.argv[1:] if argv is None else argv
    streams.open_closed()
    streams.make_writable()
    arguments = parser(argv[0] if argv else "").parse_args(argv)
    if arguments.version:
        from agent.cli.version import text

        print(text())
        return OK
    if not hasattr(arguments, "run"):
        parser().print_help(sys.stderr)
        return USAGE
    try:
        code: int = arguments.run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader (head, less) has what it wanted.
        streams.give_up()
        return 128 + signal.SIGPIPE
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except PermissionError as error:
        print(f"agent: {told(error)}; try as root", file=sys.stderr)
        return NOT_PERMITTED
    except OSError as error:
        refused = streams.is_refused(error)
        print(f"agent: {'standard output: ' if refused else ''}{told(error)}", file=sys.stderr)
        if refused:
            streams.give_up()
        return ERROR
    return code
