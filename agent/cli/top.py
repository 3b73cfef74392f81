"""`agent top`: what every container does and what is wrong with it, live, or for a script."""

from __future__ import annotations

import argparse
import gc
import sys
from contextlib import ExitStack

from agent.cli import past, prometheus, remote, settings, top_fleet, top_remote
from agent.cli.exits import ERROR, USAGE
from agent.cli.numbers import count, seconds
from agent.cli.runtimes import RUNTIMES

_EPILOG = """\
examples:
  agent top                              live; ? shows the keys and what the columns mean
  agent top --filter 'ns=shop !debug' --group pod
  agent top --once                       one table, of the next second
  agent top -b -n 10 -d 5 --sort mem     ten tables, five seconds apart
  agent top --once -o jsonl --fields name,cpu.of_limit,psi.cpu,why --top 10
  agent top --prometheus http://prom:9090 --group host      all hosts that are scraped
  agent top -b -o csv > top.csv          a line for each container and second
  agent top --once -o svg --size 120x30  the screen as a picture
  agent top --at 03:12                   what it was like last night; t and T step
  agent top --once --since 1h            rates over the last hour

Where standard output or input is no terminal, or with -b, --once, -o, it prints.

filters:  web   ns=shop   image~nginx   cpu>1.5   mem.of_limit>90   mem.limit=none
          severity>=warning   a b (both)   a or b   !a   ( )      all of it: docs/top.md
signs:    ? there, but not permitted   – (-) not told by this host, or nothing to compare with yet
          · (.) no limit, or no request

Output for scripts has base units: seconds, bytes, cores, ratios. json: one document for each time,
with everything; jsonl, csv: one line for each container, with --fields; what is not known is null
or empty, and no limit is "unlimited". "schema_version" is 1.
"""


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "top",
        help="what every container does, live",
        description=__doc__,
        epilog=_EPILOG,
    )
    add_arguments(parser)
    past.add_arguments(parser, until="--at")
    remote.add_arguments(parser)
    prometheus.add_arguments(parser)
    settings.add_arguments(parser)
    parser.set_defaults(run=_run)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options about what is shown, and how."""
    _add_what(parser)
    _add_how(parser)


def _add_what(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--filter", default="", metavar="TEXT", help="only what fits, see below")
    parser.add_argument(
        "--faults", action="store_true", help="only containers with which something is wrong"
    )
    parser.add_argument(
        "-a", "--all", action="store_true", help="also sandboxes, pods, slices and services"
    )
    parser.add_argument(
        "--group",
        metavar="BY",
        default="",
        help="pod, namespace, project (Compose), image or runtime",
    )
    parser.add_argument(
        "--sort",
        metavar="FIELD",
        help="the largest first, or A to Z (default: trouble); --sort=-FIELD the other way round",
    )
    parser.add_argument("-r", "--reverse", action="store_true", help="sort the other way round")
    parser.add_argument("--top", type=count(), metavar="N", help="print only the first N")
    parser.add_argument(
        "--fields", metavar="A,B,…", help="these columns or fields; a wrong one lists them"
    )
    parser.add_argument("-w", "--wide", action="store_true", help="print also runtime and image")


def _add_how(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--once", action="store_true", help="print once instead of going live")
    parser.add_argument("-b", "--batch", action="store_true", help="print again and again")
    parser.add_argument("-n", type=count(), metavar="N", dest="count", help="stop after N times")
    parser.add_argument(
        "-d",
        "--delay",
        type=seconds(0.1, 3600),
        default=1.0,
        metavar="SECONDS",
        help="time between two readings (default: 1)",
    )
    parser.add_argument(
        "-o",
        "--output",
        choices=("table", "json", "jsonl", "csv", "openmetrics", "svg"),
        help="print in this form",
    )
    parser.add_argument(
        "--json", action="store_const", const="json", dest="output", help="the same as -o json"
    )
    parser.add_argument("--no-headers", action="store_true", help="without the line of headings")
    parser.add_argument(
        "--size", type=_size, default=(120, 30), metavar="WxH", help="of -o svg (120x30)"
    )
    parser.add_argument("--ascii", action="store_true", help="no sign outside ASCII")


def _run(arguments: argparse.Namespace) -> int:
    from agent.lean import defer

    # The first table waits neither for what reads runtimes that are not here, nor for what others
    # import and hardly use (see `agent run`).
    defer("difflib", "inspect", "ipaddress", "tokenize", *RUNTIMES)
    from agent.cgroupfs.hierarchies import NoCgroups
    from agent.cli.diagnosing import open_sampler
    from agent.cli.top_view import BadChoice, view_of

    try:
        view = view_of(arguments)
    except BadChoice as error:
        print(f"agent top: {error}", file=sys.stderr)
        return USAGE
    if arguments.prometheus:
        return top_fleet.run(arguments, view, printing=prints(arguments))
    if arguments.host and not past.asked(arguments):
        return top_remote.run(arguments, view, printing=prints(arguments))
    config = settings.load_config(arguments)
    if arguments.host:
        remote.take("top", arguments)
    if past.asked(arguments):
        from agent.cli.top_past import look_back

        return look_back(arguments, view, config)
    try:
        with ExitStack() as stack:
            stack.callback(gc.enable)
            gc.disable()  # what is made before the first frame stays: there is no garbage yet
            sampler, start_others = open_sampler(config, stack)

            def start() -> None:
                gc.enable()
                start_others()

            if prints(arguments):
                from agent.cli.top_print import show

                start()
                return show(arguments, view, sampler)
            from agent.cli.top_live import go_live

            return go_live(arguments, view, sampler, config, start)
    except NoCgroups as error:
        print(f"agent top: {error}", file=sys.stderr)
        return ERROR


def prints(arguments: argparse.Namespace) -> bool:
    """Whether it prints, and does not go live."""
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    return bool(arguments.once or arguments.batch or arguments.output is not None or not terminal)


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    size = int(width), int(height)
    if not (1 <= size[0] <= 1000 and 1 <= size[1] <= 1000):
        raise argparse.ArgumentTypeError("columns x lines, each from 1 to 1000")
    return size
