"""`agent events`: containers starting, ending, out of memory, unhealthy, as it happens."""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from agent.cli import forms, past, remote, settings, targets
from agent.cli.exits import ERROR, OK, USAGE
from agent.cli.numbers import count

if TYPE_CHECKING:
    import queue
    from collections.abc import Callable

    from agent.bpf.cgroup_events import CgroupEvents
    from agent.config import Config
    from agent.lifecycle.events import Event
    from agent.selection.language import Selection

_EPILOG = """\
examples:
  agent events                             every start and end, live
  agent events --filter ns=shop            those of one namespace
  agent events -o json | jq 'select(.exit_code > 0)'
  agent events --since 03:00 --until 03:20 those of last night, of what a running agent kept
  agent events -n 1 --filter job -o json   wait for one event of one container

It needs no daemon: it follows the host by itself. cpu and I/O are those of the container's own
processes in this run, without the runtime's work before the start; peak is the cgroup's.

JSON: one object a line, base units (seconds, bytes); not known is null. "schema_version" is 1.
"""


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "events",
        help="containers starting and ending, live",
        description=__doc__,
        epilog=_EPILOG,
    )
    parser.add_argument("-n", type=count(), metavar="N", dest="count", help="stop after N events")
    forms.add_arguments(parser, ("text", "json"))
    parser.add_argument(
        "--filter",
        default="",
        metavar="TEXT",
        help="only containers that fit, as ns=shop or image~nginx: see docs/top.md",
    )
    parser.add_argument(
        "-a",
        "--all",
        action="store_true",
        help="also what runs already, and the sandboxes of pods",
    )
    past.add_arguments(parser, until="--until")
    remote.add_arguments(parser)
    settings.add_arguments(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    import queue
    import threading

    from agent.cgroupfs.hierarchies import NoCgroups
    from agent.lifecycle.watcher import Watcher
    from agent.sampler import host_hierarchies

    kept = targets.selection("events", arguments.filter)
    config = settings.load_config(arguments)
    if arguments.host:
        if not past.asked(arguments):
            print("agent events: --host needs --since: it tells what was", file=sys.stderr)
            return USAGE
        remote.take("events", arguments)
    if past.asked(arguments):
        return _of_the_past(arguments, config, _wanted(arguments, kept))
    # The thread that follows containers never waits for whoever reads what is printed.
    said: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
    with ExitStack() as closing:
        try:
            watcher = Watcher(
                config.paths,
                host_hierarchies(config.paths),
                said.put,
                realtime=config.lifecycle.realtime,
                teller=_teller(config, closing),
            )
        except NoCgroups as error:
            print(f"agent events: {error}", file=sys.stderr)
            return ERROR
        closing.enter_context(watcher)
        follower = threading.Thread(target=_follow, args=(watcher.run, said), name="lifecycle")
        follower.start()
        try:
            if watcher.wait_ready(60.0):
                running = watcher.levels().containers
                print(f"agent events: following {running} containers", file=sys.stderr)
            return _print(arguments, said, _wanted(arguments, kept))
        finally:
            watcher.stop()
            follower.join()


def _of_the_past(
    arguments: argparse.Namespace, config: Config, wanted: Callable[[Event], bool]
) -> int:
    opened = past.open_past("events", arguments.file, config)
    found = [event for event in opened.events(*past.span(arguments, opened, None)) if wanted(event)]
    past.tell_problems("events", opened)
    for event in sorted(found, key=lambda event: event.at)[: arguments.count]:
        if arguments.output == "text":
            print(time.strftime("%Y-%m-%d", time.localtime(event.at)), end=" ")
        _print_one(arguments, event)
    return OK


def _teller(config: Config, closing: ExitStack) -> CgroupEvents | None:
    """The kernel's probe for this command alone. None where it does not run: `agent doctor`."""
    from agent.bpf.cgroup_events import CgroupEvents
    from agent.bpf.cgroups import CGROUPS
    from agent.bpf.loader import ProbeUnavailable, open_probe

    if not config.probes.enabled or CGROUPS.name in config.probes.off:
        return None
    try:
        # bcc would take two seconds, and a compiler, to say the same.
        probe = closing.enter_context(open_probe(CGROUPS, "libbpf"))
        events = CgroupEvents(probe)
    except (ProbeUnavailable, OSError):
        return None
    closing.callback(events.close)
    return events


def _follow(run: Callable[[], None], said: queue.SimpleQueue[Event | None]) -> None:
    try:
        run()
    finally:
        said.put(None)  # also where it failed: then nobody waits for more


def _print(
    arguments: argparse.Namespace,
    said: queue.SimpleQueue[Event | None],
    wanted: Callable[[Event], bool],
) -> int:
    left = arguments.count
    while left is None or left > 0:
        event = said.get()
        if event is None:
            return ERROR
        if not wanted(event):
            continue
        _print_one(arguments, event)
        if left is not None:
            left -= 1
    return OK


def _print_one(arguments: argparse.Namespace, event: Event) -> None:
    from agent.lifecycle.document import document
    from agent.lifecycle.text import line
    from agent.top.width import clean

    print(document(event) if arguments.output == "json" else clean(line(event)), flush=True)


def _wanted(arguments: argparse.Namespace, kept: Selection) -> Callable[[Event], bool]:
    from agent.container.container import Kind
    from agent.lifecycle.events import What
    from agent.selection.item import Item

    def wanted(event: Event) -> bool:
        if not arguments.all and (
            event.what is What.FOUND or event.container.kind is not Kind.CONTAINER
        ):
            return False
        return kept.keeps(
            Item(cgroup=event.cgroup, container=event.container, usage=None, wall_time=event.at)
        )

    return wanted
