"""`agent config`: is this configuration right, what does it say in all, and who said so?"""

from __future__ import annotations

import argparse
import sys

from agent.cli import forms, settings
from agent.cli.exits import ERROR, OK

_EPILOG = """\
examples:
  agent config validate agent.toml       every mistake, each with its line
  agent config show --origin             what holds here, and which file, variable or option says so
  agent config show -o json | jq '.values[] | select(.origin != "default")'
  agent config keys                      every key there is

--set beats AGENT_SECTION_KEY beats the file beats the defaults.
"""


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "config",
        help="check a configuration, show what holds and who says so, list the keys",
        description=__doc__,
        epilog=_EPILOG,
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    validate = actions.add_parser(
        "validate",
        aliases=["check"],
        help="say what is wrong with FILE; exit 1 if anything is",
    )
    validate.add_argument(
        "file",
        metavar="FILE",
        nargs="?",
        help="without it: the file of --config, the variables and --set, as every command has them",
    )
    settings.add_arguments(validate)
    validate.set_defaults(run=_validate)
    show = actions.add_parser("show", help="every key with its value, as TOML")
    show.add_argument("--origin", action="store_true", help="and where each value comes from")
    forms.add_arguments(show, ("toml", "json"))
    settings.add_arguments(show)
    show.set_defaults(run=_show)
    keys = actions.add_parser("keys", help="list every key")
    keys.set_defaults(run=_keys)


def _validate(arguments: argparse.Namespace) -> int:
    from agent.configfile import ConfigError, load

    try:
        if arguments.file is None:
            settings.load_checked(arguments)
        else:
            settings.checked(load(arguments.file))
    except ConfigError as error:
        print(error, file=sys.stderr)
        return ERROR
    print(f"{arguments.file or arguments.config or 'the configuration'}: good")
    return OK


def _show(arguments: argparse.Namespace) -> int:
    from agent.cli.config_shown import as_json, as_toml, values

    config, origins = settings.load_with_origins(arguments)
    shown = values(config, origins)
    if arguments.output == "json":
        print(as_json(shown))
    else:
        sys.stdout.write(as_toml(shown, origin=arguments.origin))
    return OK


def _keys(_: argparse.Namespace) -> int:
    from agent.configfile import keys

    print("\n".join(keys()))
    return OK
