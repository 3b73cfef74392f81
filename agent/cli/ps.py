"""`agent ps`: which containers there are, of every runtime."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from agent.cli import forms, settings, targets, unread
from agent.cli.exits import ERROR, OK

if TYPE_CHECKING:
    from agent.config import Config
    from agent.model import Snapshot
    from agent.selection.item import Item

_EPILOG = """\
examples:
  agent ps                              all containers that run
  agent ps --filter 'runtime=podman image~web'
  agent ps -q --filter ns=shop          their ids alone, one a line
  agent ps -o json | jq '.containers[] | select(.restarts > 3).name'

What it reads are cgroups and the files that runtimes keep: containers that have ended are not there
(agent events --since tells of those). "?" is not known. A container without a cgroup of its own is
listed too, but nothing is counted for it.

JSON: base units (seconds), null for not known, "schema_version" 1.
"""


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "ps",
        help="which containers there are, of every runtime",
        description=__doc__,
        epilog=_EPILOG,
    )
    parser.add_argument(
        "--filter", default="", metavar="TEXT", help="only those that fit: see docs/top.md"
    )
    parser.add_argument(
        "-a", "--all", action="store_true", help="also the sandboxes of pods, and pods"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="only ids, one a line")
    forms.add_arguments(parser, ("table", "json", "jsonl"))
    parser.add_argument("--no-headers", action="store_true", help="without the line of headings")
    parser.add_argument("--no-trunc", action="store_true", help="whole ids and images")
    settings.add_arguments(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from agent.cgroupfs.hierarchies import NoCgroups
    from agent.listing import columns

    kept = targets.selection("ps", arguments.filter)
    config = settings.load_config(arguments)
    try:
        snapshot, items = _read(config)
    except NoCgroups as error:
        print(f"agent ps: {error}", file=sys.stderr)
        return ERROR
    shown = [item for item in items if (arguments.all or item.is_container) and kept.keeps(item)]
    shown.sort(key=lambda item: item.title)
    if arguments.quiet:
        sys.stdout.write("".join(f"{one.container.id}\n" for one in shown if one.container))
    elif arguments.output == "json":
        sys.stdout.write(columns.json_document(shown, snapshot.wall_time))
    elif arguments.output == "jsonl":
        sys.stdout.write(columns.json_lines(shown))
    else:
        headers, truncate = not arguments.no_headers, not arguments.no_trunc
        sys.stdout.write(columns.table(shown, headers=headers, truncate=truncate))
    unread.tell("ps", snapshot.health)
    return OK


def _read(config: Config) -> tuple[Snapshot, list[Item]]:
    from agent.sampler import Sampler
    from agent.selection.item import Item
    from agent.usage import usages

    with Sampler(config.paths, services=config.metrics.systemd) as sampler:
        snapshot = sampler.snapshot()
        unplaced = sampler.unplaced.found
    placed = [
        Item(
            cgroup=usage.cgroup,
            container=usage.container,
            usage=usage,
            wall_time=snapshot.wall_time,
        )
        for usage in usages(None, snapshot)
        if usage.container is not None
    ]
    return snapshot, [
        *placed,
        *(
            Item(cgroup=None, container=found, usage=None, wall_time=snapshot.wall_time)
            for found in unplaced
        ),
    ]
