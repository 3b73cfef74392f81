"""`agent completion`: completion for a shell, and the manual page, from the commands themselves."""

from __future__ import annotations

import argparse
import sys

from agent.cli.exits import ERROR, OK

_EPILOG = """\
  source <(agent completion bash)                                  in ~/.bashrc
  agent completion bash > /etc/bash_completion.d/agent             for everybody
  agent completion zsh > "${fpath[1]}/_agent"
  agent completion fish > ~/.config/fish/completions/agent.fish
  agent completion man > /usr/local/share/man/man1/agent.1
"""


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "completion",
        help="completion for bash, zsh or fish, and the manual page",
        description=__doc__,
        epilog=_EPILOG,
    )
    parser.add_argument(
        "what",
        choices=("bash", "zsh", "fish", "man", "targets"),
        help="targets: the names of all containers, which the scripts ask for",
    )
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    if arguments.what == "targets":
        return _targets()
    from agent.cli.main import parser
    from agent.completion import bash, fish, manual, zsh
    from agent.completion.tree import tree
    from agent.version import VERSION

    commands = tree(parser())
    if arguments.what == "man":
        sys.stdout.write(manual.page(commands, VERSION))
    else:
        shells = {"bash": bash, "zsh": zsh, "fish": fish}
        sys.stdout.write(shells[arguments.what].script(commands))
    return OK


def _targets() -> int:
    from agent.cgroupfs.hierarchies import NoCgroups
    from agent.config import HostPaths
    from agent.container.container import Kind
    from agent.sampler import Sampler

    try:
        with Sampler(HostPaths()) as sampler:
            snapshot = sampler.snapshot()
    except NoCgroups:
        return ERROR
    for sample in snapshot.samples:
        if sample.container is not None and sample.container.kind is Kind.CONTAINER:
            print(sample.container.title)
    return OK
