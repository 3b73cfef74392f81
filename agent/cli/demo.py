"""`agent demo`: starts containers that misbehave, to look at with `agent top`. Arguments only."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent.demo import DemoContainer

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def register(subparsers: Subparsers) -> None:
    """Add `demo` to the command line."""
    parser = subparsers.add_parser(
        "demo",
        help="start containers that misbehave, to look at",
        description="Starts small containers that are throttled, short of memory, OOM-killed, busy "
        "with disk I/O or logs, restarting, or idle. Their image is made from the static busybox "
        "of this host; nothing is downloaded. Starting again replaces them.",
    )
    action = parser.add_mutually_exclusive_group()
    action.add_argument(
        "--stop",
        action="store_true",
        help="remove everything the demo made; with --prefix what was started with it",
    )
    action.add_argument("--list", action="store_true", help="say what there is, and what runs")
    parser.add_argument(
        "--runtime",
        metavar="NAME",
        help="docker, podman, containerd, crun or runc (default: the first that answers)",
    )
    parser.add_argument("--only", metavar="NAME,…", default="", help="start just these")
    parser.add_argument("--prefix", metavar="TEXT", help="of the names (default: demo-)")
    parser.add_argument(
        "--start-daemon",
        action="store_true",
        help="start a containerd and dockerd for the demo alone if none answers; --stop ends them",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """0, 1 when it cannot be done, 5 when no runtime answers."""
    import sys

    from agent.cli.exits import ERROR, OK, UNREACHABLE
    from agent.demo import DemoError, NoRuntime, stop
    from agent.units import plural

    try:
        if args.stop:
            count = stop(prefix=args.prefix)
            print(f"removed {plural(count, 'container')}")
        elif args.list:
            _print_list(_prefix(args))
        else:
            _start(args)
    except NoRuntime as error:
        print(f"agent: {error}", file=sys.stderr)
        return UNREACHABLE
    except DemoError as error:
        print(f"agent: {error}", file=sys.stderr)
        return ERROR
    return OK


def _start(args: argparse.Namespace) -> None:
    from agent.demo import start

    started = start(
        args.runtime,
        [name for name in args.only.split(",") if name],
        prefix=_prefix(args),
        start_daemon=args.start_daemon,
    )
    _print_table(started)
    for container in started:
        if container.note:
            print(f"{container.name}: {container.note}")
    own = "" if args.prefix is None else f" --prefix {args.prefix}"
    print(f"\nLook at them with `agent top`; remove them with `agent demo --stop{own}`.")


def _prefix(args: argparse.Namespace) -> str:
    from agent.demo import PREFIX

    return PREFIX if args.prefix is None else str(args.prefix)


def _print_table(containers: list[DemoContainer]) -> None:
    width = max(len(container.name) for container in containers)
    print(f"{'NAME':{width}} {'RUNTIME':10} {'PID':>7} {'LIMIT':9} SHOWS")
    for one in containers:
        pid = "-" if one.pid is None else str(one.pid)
        print(f"{one.name:{width}} {one.runtime:10} {pid:>7} {one.limits:9} {one.shows}")


def _print_list(prefix: str) -> None:
    from agent.demo import running
    from agent.demo.workloads import WORKLOADS

    where = {name: runtime for runtime, name in running()}
    names = [f"{prefix}{workload.name}" for workload in WORKLOADS]
    width = max(map(len, names))
    print(f"{'NAME':{width}} {'STARTED IN':10} {'LIMIT':9} SHOWS")
    for name, workload in zip(names, WORKLOADS, strict=True):
        print(f"{name:{width}} {where.pop(name, '-'):10} {workload.limits:9} {workload.shows}")
    for name, runtime in sorted(where.items()):
        print(f"{name:{width}} {runtime:10} {'':9} started with another prefix")
