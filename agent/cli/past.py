"""--since, --until and --from: the past on the command line, and where it is read from."""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING, Final

from agent.cli.exits import ERROR, NOT_FOUND
from agent.cli.moments import moment_seconds
from agent.records import NamedTuple

if TYPE_CHECKING:
    from agent.config import Config
    from agent.container.container import Container
    from agent.history.reader import SegmentsPast
    from agent.lifecycle.events import Event
    from agent.model import Snapshot

_DAY: Final = 86_400.0


class Span(NamedTuple):
    """From when to when, Unix seconds."""

    since: float
    until: float


def add_arguments(parser: argparse.ArgumentParser, *, until: str) -> None:
    """Add the options. `until`: what the end of the time is called, "--at" or "--until"."""
    parser.add_argument(
        "--since", type=a_moment, metavar="TIME", help="the past, from this time on: 5m, 2h, 03:12"
    )
    parser.add_argument(
        until, type=a_moment, metavar="TIME", dest="until", help="the past, until this time"
    )
    parser.add_argument(
        "--from", metavar="FILE", dest="file", help="the past in a file of `agent snapshot save`"
    )


def asked(arguments: argparse.Namespace) -> bool:
    """Whether the past is meant, and not what happens now."""
    return any(getattr(arguments, name) is not None for name in ("since", "until", "file"))


def open_past(command: str, file: str | None, config: Config) -> SegmentsPast:
    """The file, else the history of this host; says what is wrong and exits where there is none."""
    from agent.history.reader import History, SavedFile
    from agent.history.restore import Unreadable

    try:
        if file is not None:
            return SavedFile(file)
        return History(config.history.place(config.logs.state))
    except FileNotFoundError as error:
        print(f"agent {command}: {_missing(error, file)}", file=sys.stderr)
    except Unreadable as error:
        print(f"agent {command}: {file}: {error}", file=sys.stderr)
    raise SystemExit(ERROR)


def span(arguments: argparse.Namespace, past: SegmentsPast, length: float | None) -> Span:
    """
    The time that is asked for; the end is the last moment there is where it is not said.

    `length`: seconds before the end, where no beginning is said; None: from the beginning. A file
    is meant whole.
    """
    until = arguments.until
    if until is None:
        until = time.time()
        if arguments.file is not None:
            until = max(past.moments(0.0, until), default=until)
    if arguments.since is not None:
        return Span(arguments.since, until)
    whole = length is None or (arguments.file is not None and arguments.until is None)
    return Span(0.0 if whole or length is None else until - length, until)


def snapshots(command: str, past: SegmentsPast, asked_for: Span) -> list[Snapshot]:
    """
    What was then, of one boot, oldest first; where there is nothing, says so and exits.

    At most `window`'s number; parts that cannot be read are said on stderr.
    """
    from agent.history.reader import window

    found = window(past, *asked_for)
    tell_problems(command, past)
    if found:
        return found
    kept = past.moments(0.0, time.time())
    there = f"there is {_shown(kept[0])} to {_shown(kept[-1])}" if kept else "it is empty"
    times = f"from {_shown(asked_for.since)} to {_shown(asked_for.until)}"
    print(f"agent {command}: the history has nothing {times}; {there}", file=sys.stderr)
    raise SystemExit(NOT_FOUND)


def events_of(config: Config, container: Container) -> list[Event] | None:
    """What happened to a container in the last day, oldest first. None: nobody keeps that."""
    from agent.lifecycle.totals import identity_of

    identity = identity_of(container)
    try:
        found = [each for each in of_the_day(config) if identity_of(each.container) == identity]
    except OSError:
        return None
    return sorted(found, key=lambda event: event.at)


def of_the_day(config: Config) -> list[Event]:
    """All that happened in the last day. Raises OSError where nobody keeps it, or it is denied."""
    from agent.history.reader import History

    now = time.time()
    return list(History(config.history.place(config.logs.state)).events(now - _DAY, now))


def tell_problems(command: str, past: SegmentsPast) -> None:
    """Say what of the past could not be read."""
    for why, segments in past.problems.items():
        print(f"agent {command}: not read, in {segments} files: {why}", file=sys.stderr)


def _missing(error: FileNotFoundError, file: str | None) -> str:
    if file is not None:
        return f"{file}: there is no such file"
    return (
        f"there is no history in {error.filename}: `agent run` keeps it; a running agent with"
        " another [history] directory or logs.state needs the same --config here"
    )


def _shown(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at)) if at > 0 else "its beginning"


def a_moment(text: str) -> float:
    """Unix seconds of what `agent.cli.moments` takes, as an option's type."""
    try:
        return moment_seconds(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
