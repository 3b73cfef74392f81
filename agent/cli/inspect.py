"""`agent inspect TARGET`: one container, all that its files say."""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING

from agent.cli import ended, forms, past, settings, targets
from agent.cli.exits import ERROR, NOT_FOUND, OK

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agent.config import Config
    from agent.container.target import Target
    from agent.lifecycle.ended import Ended
    from agent.lifecycle.totals import Identity
    from agent.sampler import Sampler

_EPILOG = f"""\
{targets.SYNTAX}
examples:
  agent inspect web
  agent inspect pid:$(pgrep -n nginx) -o json | jq .security.failed

Values of environment variables are never shown. Reads files alone; without root what may not be
read is "?". Of one that does not run, how it ended. Exit code 3: no container, or several fit,
which are listed then.
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
    from agent.container.container import Kind
    from agent.container.target import find
    from agent.inspect.details import read_details

    snapshot = sampler.snapshot()
    found = find(target, targets.candidates(snapshot), config.paths.proc)
    # A sandbox is looked at where it is named, and not for the containers that are missing.
    if not any(each.container.kind is Kind.CONTAINER for each in found) and (
        down := ended.ended_like("inspect", target, config, missed=True)
    ):
        return _show_ended(arguments, config, ended.narrowed(down))
    cgroup = targets.the_one(
        "inspect", arguments.target, target, snapshot, config.paths.proc
    ).cgroup
    (sample,) = (sample for sample in snapshot.samples if sample.cgroup.inode == cgroup.inode)
    container = sample.container
    assert container is not None
    details = read_details(
        config.paths,
        snapshot,
        sample,
        lambda: sampler.pids(cgroup),
        config.security.ignore,
        past.events_of(config, container),
    )
    if arguments.output == "json":
        from agent.inspect.document import document

        print(document(details))
    else:
        from agent.inspect.page import page

        sys.stdout.write(page(details))
    return OK


def _show_ended(
    arguments: argparse.Namespace, config: Config, down: Mapping[Identity, Ended]
) -> int:
    from agent.inspect.ended import document, page

    if len(down) > 1:
        names = "\n".join(f"  {each.container.title}" for each in down.values())
        said = f"{arguments.target!r} may be any of {len(down)} that do not run:"
        print(f"agent inspect: {said}\n{names}", file=sys.stderr)
        return NOT_FOUND
    (found,) = down.values()
    events, now = past.events_of(config, found.container), time.time()
    if arguments.output == "json":
        print(document(found, events, now))
    else:
        sys.stdout.write(page(found, events, now))
    return OK
