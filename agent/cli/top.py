"""`agent top`: what every container does, live, or once for a script."""

from __future__ import annotations

import argparse
import os
import sys
import time
from typing import TYPE_CHECKING, TextIO

from agent.cli import settings
from agent.cli.exits import ERROR, OK, USAGE

if TYPE_CHECKING:
    from agent.top.feed import Source
    from agent.top.frame import Frame
    from agent.top.glyphs import Glyphs
    from agent.top.view import View

_EPILOG = """\
examples:
  agent top                              live; ? shows the keys and what the columns mean
  agent top --once                       one table, of the next second
  agent top --once -o json | jq .        the same with raw numbers (one JSON object a line)
  agent top -n 10 -d 5 --sort memory     ten tables, five seconds apart

Where standard output or input is no terminal, or with -o, it prints instead of going live.

signs:  ? there, but not permitted   – (-) not told by this host, or nothing to compare with yet
        · (.) no limit

JSON: base units (seconds, bytes, cores, ratios). Not known is null, and "unknown" says why; a limit
is null or {"limit": 2.0, "unlimited": false}. "schema_version" is 1.
"""


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "top",
        help="what every container does, live",
        description=__doc__,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--once", action="store_true", help="print once instead of going live")
    parser.add_argument("-n", type=_count, metavar="N", dest="count", help="stop after N times")
    parser.add_argument(
        "-d",
        "--delay",
        type=_delay,
        default=1.0,
        metavar="SECONDS",
        help="time between two readings (default: 1)",
    )
    parser.add_argument("-o", "--output", choices=("table", "json"), help="print in this form")
    parser.add_argument(
        "--sort",
        metavar="COLUMN",
        default="cpu",
        help="largest first, or A to Z (default: cpu); a wrong one lists them",
    )
    parser.add_argument("-r", "--reverse", action="store_true", help="sort the other way round")
    parser.add_argument(
        "--filter",
        default="",
        metavar="TEXT",
        help="only what has TEXT in its name, image, runtime or cgroup path, or as start of its id",
    )
    parser.add_argument(
        "-a",
        "--all",
        action="store_true",
        help="also sandboxes, pods, slices and services",
    )
    parser.add_argument("-w", "--wide", action="store_true", help="print all columns")
    parser.add_argument("--ascii", action="store_true", help="no sign outside ASCII")
    settings.add_arguments(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from agent.cgroupfs.hierarchies import NoCgroups
    from agent.sampler import Sampler
    from agent.top.columns import BY_KEY

    if arguments.sort not in BY_KEY:
        print(
            f"agent top: no column {arguments.sort!r} to sort by: {', '.join(BY_KEY)}",
            file=sys.stderr,
        )
        return USAGE
    config = settings.load_config(arguments)
    try:
        with Sampler(config.paths) as sampler:
            return show(arguments, sampler)
    except NoCgroups as error:
        print(f"agent top: {error}", file=sys.stderr)
        return ERROR


def show(arguments: argparse.Namespace, source: Source) -> int:
    """Go live, or print: what the options and the terminal call for."""
    from agent.top.glyphs import ASCII, glyphs_for
    from agent.top.view import View

    view = View(
        sort=arguments.sort,
        reverse=arguments.reverse,
        filter=arguments.filter,
        everything=arguments.all,
    )
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    if arguments.once or arguments.output is not None or not terminal:
        glyphs = ASCII if arguments.ascii else glyphs_for(sys.stdout.encoding)
        return _print(arguments, source, view, glyphs)

    import locale

    from agent.top.live import show as show_live
    from agent.top.terminal import UnusableTerminal

    # curses writes in the encoding of the locale, whatever Python's own streams use.
    locale.setlocale(locale.LC_ALL, "")
    encoding = locale.nl_langinfo(locale.CODESET)
    try:
        return show_live(
            source,
            view,
            delay=arguments.delay,
            count=arguments.count,
            glyphs=ASCII if arguments.ascii else glyphs_for(encoding),
            environment=os.environ,
        )
    except UnusableTerminal as error:
        print(f"agent top: no live view: {error}; --once prints instead", file=sys.stderr)
        return ERROR


def _print(arguments: argparse.Namespace, source: Source, view: View, glyphs: Glyphs) -> int:
    from agent.top.feed import FrameMaker

    maker = FrameMaker(source, arguments.delay)
    maker.next()
    due = time.monotonic()
    for number in range(arguments.count or 1):
        due += arguments.delay
        time.sleep(max(0.0, due - time.monotonic()))
        frame = maker.next()
        if arguments.output == "json":
            _print_json(frame, view, sys.stdout)
        else:
            if number:
                sys.stdout.write("\n")
            _print_table(frame, view, glyphs, wide=arguments.wide)
        sys.stdout.flush()
    return OK


def _print_json(frame: Frame, view: View, out: TextIO) -> None:
    from agent.top.document import document
    from agent.top.render import rows_of

    out.write(document(frame, rows_of(frame, view)) + "\n")


def _print_table(frame: Frame, view: View, glyphs: Glyphs, *, wide: bool) -> None:
    from agent.top.columns import COLUMNS
    from agent.top.notes import notes
    from agent.top.render import rows_of
    from agent.top.text import table_text

    rows = rows_of(frame, view)
    columns = [column for column in COLUMNS if wide or not column.wide]
    sys.stdout.write(table_text(rows, columns, now=frame.wall_time, glyphs=glyphs))
    sys.stdout.flush()
    for note in notes(rows, columns, frame.health, glyphs):
        print(f"agent top: {note}", file=sys.stderr)


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return count


def _delay(text: str) -> float:
    delay = float(text)
    if not 0.1 <= delay <= 3600:
        raise argparse.ArgumentTypeError("between 0.1 and 3600 seconds")
    return delay
