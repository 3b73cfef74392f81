"""`agent inspect TARGET`: one container, all that its files say."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from agent.cli import forms, past, settings, targets
from agent.cli.exits import ERROR, OK

if TYPE_CHECKING:
    from agent.config import Config
    from agent.container.target import Target
    from agent.sampler import Sampler

_EPILOG = f"""\
{targets.SYNTAX}
examples:
  agent inspect web
  agent inspect pid:$(pgrep -n nginx) -o json | jq .security.failed

Values of environment variables are never shown. Reads files alone; without root what may not be
read is "?". Exit code 3: no container, or several fit, which are listed then.
"""


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "inspect",
        help="one container: identity, process, limits, mounts, security",
        description="One container: identity, process, limits, mounts, security findings.",
        epilog=_EPILOG,
    )
    parser.add_argument("target", metavar="TARGET", help="which container, see below")
    forms.add_arguments(parser, ("text", "json"))
    settings.add_arguments(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from agent.cgroupfs.hierarchies import NoCgroups

    target = targets.parsed("inspect", arguments.target)
    config = settings.load_config(arguments)

    from agent.sampler import Sampler
    from agent.security.reports.watcher import ImageWatcher

    images = ImageWatcher(config.security.image_reports, config.security.verifications)
    images.look()
    try:
        with Sampler(config.paths, images=images) as sampler:
            return _show(arguments, config, target, sampler)
    except NoCgroups as error:
        print(f"agent inspect: {error}", file=sys.stderr)
        return ERROR


def _show(arguments: argparse.Namespace, config: Config, target: Target, sampler: Sampler) -> int:
    from agent.inspect.details import read_details

    snapshot = sampler.snapshot()
    cgroup = targets.the_one(
        "inspect", arguments.target, target, snapshot, config.paths.proc
    ).cgroup
    (sample,) = (sample for sample in snapshot.samples if sample.cgroup.inode == cgroup.inode)
    details = read_details(
        config.paths,
        snapshot,
        sample,
        lambda: sampler.pids(cgroup),
        config.security.ignore,
        past.events_of(config, sample),
    )
    if arguments.output == "json":
        from agent.inspect.document import document

        print(document(details))
    else:
        from agent.inspect.page import page

        sys.stdout.write(page(details))
    return OK
