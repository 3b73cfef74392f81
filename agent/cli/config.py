"""`agent config check FILE`: is this configuration right?"""

from __future__ import annotations

import argparse
import sys

from agent.cli.exits import ERROR, OK


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("config", help="check a configuration file, list its keys")
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    check = actions.add_parser("check", help="say what is wrong with FILE; exit 1 if anything is")
    check.add_argument("file", metavar="FILE")
    check.set_defaults(run=_check)
    keys = actions.add_parser("keys", help="list every key")
    keys.set_defaults(run=_keys)


def _check(arguments: argparse.Namespace) -> int:
    from agent.cli.settings import checked
    from agent.configfile import ConfigError, load

    try:
        checked(load(arguments.file))
    except ConfigError as error:
        print(error, file=sys.stderr)
        return ERROR
    print(f"{arguments.file}: good")
    return OK


def _keys(_: argparse.Namespace) -> int:
    from agent.configfile import keys

    print("\n".join(keys()))
    return OK
