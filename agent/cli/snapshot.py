"""`agent snapshot save FILE`, `agent snapshot open FILE`: what a host did, in one file."""

from __future__ import annotations

import argparse
import math
import os
import sys
from typing import TYPE_CHECKING

from agent.cli import numbers, past, settings, top
from agent.cli.exits import ERROR, OK, USAGE

if TYPE_CHECKING:
    from agent.config import Config
    from agent.diagnosis.note import Note
    from agent.lifecycle.events import Event
    from agent.model import Snapshot

_EPILOG = """\
examples:
  agent snapshot save slow.snap                   what happens now, for 10 seconds
  agent snapshot save slow.snap --since 03:00 --until 03:20    last night, from the history
  agent snapshot open slow.snap                   agent top on it: t and T step, j jumps
  agent why --from slow.snap                      what was wrong
  agent events --from slow.snap                   what started and ended

The file has no environment and no command lines. Values of labels are taken out but for those that
say what a container is (Compose, Kubernetes, OCI; --label keeps more), and so is what looks like a
secret in any other text. Names, images, paths and addresses are in it.
"""


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "snapshot",
        help="what a host did, in one file to send to somebody",
        description=__doc__,
        epilog=_EPILOG,
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    save = actions.add_parser("save", help="write FILE")
    save.add_argument("path", metavar="FILE")
    save.add_argument(
        "--seconds",
        type=numbers.seconds(1, 3600),
        default=10.0,
        metavar="N",
        help="how long to look (default: 10)",
    )
    save.add_argument(
        "--label",
        action="append",
        default=[],
        metavar="PATTERN",
        help="keep the values of labels whose key fits, as team or example.com/*",
    )
    save.add_argument("-f", "--force", action="store_true", help="write over a file that is there")
    past.add_arguments(save, until="--until")
    settings.add_arguments(save)
    save.set_defaults(run=_save)
    opened = actions.add_parser("open", help="show FILE in `agent top`, with its options")
    opened.add_argument("path", metavar="FILE")
    opened.add_argument(
        "--at", type=past.a_moment, metavar="TIME", help="begin there (default: at its end)"
    )
    top.add_arguments(opened)
    settings.add_arguments(opened)
    opened.set_defaults(run=_open)


def _save(arguments: argparse.Namespace) -> int:
    from agent.history.saving import save
    from agent.lifecycle.events import Event
    from agent.units import human_size, plural

    if not arguments.force and os.path.exists(arguments.path):
        print(f"agent snapshot: {arguments.path} is there already; -f overwrites", file=sys.stderr)
        return ERROR
    # Before anybody waits for what could not be written.
    directory = os.path.dirname(arguments.path) or "."
    if not os.path.isdir(directory):
        print(f"agent snapshot: {directory}: there is no such directory", file=sys.stderr)
        return ERROR
    config = settings.load_config(arguments)
    if past.asked(arguments):
        snapshots, events = _of_the_past(arguments, config)
    else:
        snapshots, events = _of_now(arguments, config)
    size = save(arguments.path, snapshots, events, kept_labels=arguments.label)
    seconds = snapshots[-1].wall_time - snapshots[0].wall_time
    told = [one for one in events if isinstance(one, Event)]
    print(
        f"{arguments.path}: {plural(len(snapshots), 'Snapshot')} of {seconds:.0f} s,"
        f" {plural(len(told), 'event')}, {human_size(size)}",
        file=sys.stderr,
    )
    return OK


def _open(arguments: argparse.Namespace) -> int:
    from agent.cli.top_view import BadChoice, view_of
    from agent.records import replace
    from agent.top.past import nearest

    try:
        view = view_of(arguments)
    except BadChoice as error:
        print(f"agent snapshot: {error}", file=sys.stderr)
        return USAGE
    opened = past.open_past("snapshot", arguments.path, settings.load_config(arguments))
    moments = opened.moments(0.0, math.inf)
    past.tell_problems("snapshot", opened)
    last = opened.snapshot(math.inf)
    at = moments[-1] if moments and arguments.at is None else nearest(opened, arguments.at or 0.0)
    if at is None or last is None:
        print(f"agent snapshot: {arguments.path}: no Snapshot can be read", file=sys.stderr)
        return ERROR
    if top.prints(arguments):
        from agent.cli.top_print import show_moment

        return show_moment(arguments, view, opened, at, hostname=arguments.path)
    print(f"{arguments.path}: {len(moments)} Snapshots", file=sys.stderr)
    from agent.cli.top_live import show_past

    view = replace(view, at=at)
    return show_past(arguments, view, opened, last, hostname=arguments.path)


def _of_the_past(
    arguments: argparse.Namespace, config: Config
) -> tuple[list[Snapshot], list[Event | Note]]:
    opened = past.open_past("snapshot", arguments.file, config)
    asked = past.span(arguments, opened, None)
    snapshots = past.snapshots("snapshot", opened, asked)
    return snapshots, [*opened.events(*asked), *opened.notes(*asked)]


def _of_now(
    arguments: argparse.Namespace, config: Config
) -> tuple[list[Snapshot], list[Event | Note]]:
    from contextlib import ExitStack

    from agent.cli.diagnosing import open_sampler
    from agent.cli.why import look
    from agent.diagnosis.diagnose import diagnose
    from agent.diagnosis.scene import scene_of
    from agent.drilldown.looking import ALL_RULES
    from agent.drilldown.noting import looked_at, notes_of, rules_of
    from agent.look_sources import sources_for
    from agent.sampler import host_hierarchies

    with ExitStack() as stack:
        sampler, start = open_sampler(config, stack)
        start()
        snapshots = look(sampler, arguments.seconds)
        diagnosis = looked_at(diagnose(scene_of(snapshots)), rules=ALL_RULES)
        unified = host_hierarchies(config.paths).unified
        sources = sources_for(config, sampler.pids, rules_of(diagnosis), unified)
        last = snapshots[-1]
        return snapshots, list(notes_of(diagnosis, last, sources, last.wall_time))
