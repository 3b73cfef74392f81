"""--config and --set, and the Config they make; the same for every command that reads the host."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from agent.cli.exits import USAGE

if TYPE_CHECKING:
    from agent.config import Config

DEFAULT_PATH = "/etc/agent/agent.toml"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "--config",
        metavar="FILE",
        help=f"configuration file (default: {DEFAULT_PATH} where it exists)",
    )
    parser.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        dest="settings",
        help="set one key, as in metrics.listen=127.0.0.1:9464; beats AGENT_… and the file",
    )


def load_config(arguments: argparse.Namespace) -> Config:
    """Load what the options name. Prints every mistake and exits with the usage code."""
    from agent.configfile import ConfigError, load

    path = arguments.config
    if path is None and os.path.exists(DEFAULT_PATH):
        path = DEFAULT_PATH
    try:
        return load(path, os.environ, arguments.settings)
    except ConfigError as error:
        print(error, file=sys.stderr)
    except OSError as error:
        print(f"agent: cannot read the configuration: {error}", file=sys.stderr)
    raise SystemExit(USAGE)
