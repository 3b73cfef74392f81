"""`agent completion`: completion for a shell, and the manual page, from the commands themselves."""

from __future__ import annotations

import argparse
import sys
from functools import partial

from agent.cli.exits import ERROR, OK
from agent.cli.runtimes import RUNTIMES

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
    """Print the names of all containers. A person waits for them at a Tab: no counter is read."""
    from agent.lean import defer

    defer("inspect", "tokenize", *RUNTIMES)
    from agent.cgroupfs.hierarchies import NoCgroups, find_hierarchies
    from agent.cgroupfs.tree import CgroupTree
    from agent.config import HostPaths
    from agent.container.container import Kind
    from agent.container.discovery import Discovery
    from agent.kernelfile import read
    from agent.procfs.mountinfo import parse_mountinfo

    paths = HostPaths()
    try:
        hierarchies = find_hierarchies(read(f"{paths.proc}/self/mountinfo", parse_mountinfo) or ())
    except NoCgroups:
        return ERROR
    discovery = Discovery(paths)
    with CgroupTree(hierarchies) as tree:
        for cgroup in reversed(tree.walk()):
            container = discovery.container_of(cgroup, partial(tree.pids, cgroup))
            if container is not None and container.kind is Kind.CONTAINER:
                print(container.title)
    return OK
