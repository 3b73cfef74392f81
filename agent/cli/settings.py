"""--config and --set, and the Config they make; the same for every command that reads the host."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from agent.cli.exits import USAGE
from agent.faults import told

if TYPE_CHECKING:
    from agent.config import Config
    from agent.configfile import Origins

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


def add_web_argument(parser: argparse.ArgumentParser) -> None:
    """Add the option about who may ask the server, by the name it has in Prometheus' exporters."""
    parser.add_argument(
        "--web.config.file",
        metavar="FILE",
        dest="web_config_file",
        help="TLS and passwords of the HTTP server, in the format of Prometheus' exporters; the"
        " same as --set web.config_file=FILE",
    )


def add_page_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options about the metrics page."""
    parser.add_argument(
        "--labels",
        choices=("kubelet", "cadvisor"),
        help="whose labels container series have: the kubelet's (default), or those of cAdvisor on"
        " its own; the same as --set metrics.labels=…",
    )
    parser.add_argument(
        "--systemd",
        action="store_const",
        const="true",
        dest="metrics_systemd",  # `agent logs` has another --systemd
        help="also tell systemd's services; the same as --set metrics.systemd=true",
    )


def load_config(arguments: argparse.Namespace) -> Config:
    """Load what the options name. Prints every mistake and exits with the usage code."""
    from agent.config import Config

    if _says_nothing(arguments, Config.__match_args__):
        return Config()  # without what reads files and variables: a start is a tenth shorter
    return load_with_origins(arguments)[0]


def _says_nothing(arguments: argparse.Namespace, sections: Iterable[str]) -> bool:
    """Whether no file, option or variable can change anything, or be wrong."""
    # What `configfile` looks at, and a little more.
    signs = ("AGENT_", *(f"_{section.partition('_')[0].upper()}_" for section in sections))
    return (
        arguments.config is None
        and not _settings(arguments)
        and not any(
            sign in name for name in os.environ if name != "SSH_AGENT_PID" for sign in signs
        )
        and not os.path.exists(DEFAULT_PATH)
    )


def load_with_origins(arguments: argparse.Namespace) -> tuple[Config, Origins]:
    """As `load_config`, and where each value comes from."""
    from agent.configfile import ConfigError

    try:
        return load_checked(arguments)
    except ConfigError as error:
        print(error, file=sys.stderr)
    except OSError as error:
        print(f"agent: cannot read the configuration: {told(error)}", file=sys.stderr)
    raise SystemExit(USAGE)


def load_checked(arguments: argparse.Namespace) -> tuple[Config, Origins]:
    """The same; raises ConfigError, and OSError where the file cannot be read."""
    from agent.configfile import load_with_origins

    path = arguments.config
    if path is None and os.path.exists(DEFAULT_PATH):
        path = DEFAULT_PATH
    config, origins = load_with_origins(path, os.environ, _settings(arguments))
    return checked(config), origins


def checked(config: Config) -> Config:
    """
    `config`, after what only others know was looked at: the names of metric groups and of probes.

    Raises ConfigError.
    """
    enabled, disabled = config.metrics.groups_enabled, config.metrics.groups_disabled
    if enabled or disabled:  # `agent top` starts faster without the catalogue
        from agent.configfile import ConfigError
        from exporters.prometheus.catalog import UnknownGroup, select

        try:
            select(enabled, disabled)
        except UnknownGroup as error:
            raise ConfigError([f"metrics.groups_enabled, groups_disabled: {error}"]) from None
    if config.probes.directory:
        from agent.bpf.own import BadProbe, find_own
        from agent.configfile import ConfigError

        try:
            find_own(config.probes.directory)
        except (BadProbe, OSError) as error:
            raise ConfigError([f"probes.directory: {told(error)}"]) from None
    if config.probes.on or config.probes.off:
        from agent.bpf.registry import UnknownProbe
        from agent.bpf.registry import select as select_probes
        from agent.configfile import ConfigError

        try:
            select_probes(config.probes.on, config.probes.off)
        except UnknownProbe as error:
            raise ConfigError([f"probes.on, probes.off: {error}"]) from None
    return config


def _settings(arguments: argparse.Namespace) -> list[str]:
    found: list[str] = list(arguments.settings)
    for option, key in (
        ("labels", "metrics.labels"),
        ("metrics_systemd", "metrics.systemd"),
        ("web_config_file", "web.config_file"),
    ):
        value = getattr(arguments, option, None)
        if value is not None:
            found.append(f"{key}={value}")
    return found
