"""`agent version`: which agent on what, for a report of a fault."""

from __future__ import annotations

import argparse
import json

from agent.cli import forms
from agent.cli.exits import OK


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "version",
        help="which agent this is, on which kernel and cgroups",
        description="Print the versions of the agent, Python and the kernel, the commit the agent"
        " was made from, and how this host's cgroups are mounted: what a report of a fault should"
        " have.",
    )
    forms.add_arguments(parser, ("text", "json"))
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    if arguments.output == "json":
        print(json.dumps(facts()))
    else:
        print(text())
    return OK


def text() -> str:
    """One line each."""
    return "\n".join(f"{name} {value or 'unknown'}" for name, value in facts().items())


def facts() -> dict[str, str | None]:
    """By name; None: not told here."""
    import os
    import platform

    from agent.revision import revision
    from agent.version import VERSION

    kernel = os.uname()
    return {
        "agent": VERSION,
        "revision": revision(),
        "python": platform.python_version(),
        "kernel": f"{kernel.release} {kernel.machine}",
        "cgroup": _cgroups(),
    }


def _cgroups() -> str | None:
    """v2, hybrid or v1; None where none are mounted."""
    from agent.cgroupfs.hierarchies import NoCgroups, find_hierarchies
    from agent.kernelfile import Denied, read
    from agent.procfs.mountinfo import parse_mountinfo

    try:
        return find_hierarchies(read("/proc/self/mountinfo", parse_mountinfo) or ()).version
    except (NoCgroups, Denied):
        return None
