"""`agent logs TARGET`: what a container wrote, from the files themselves."""

from __future__ import annotations

import argparse
import re
import sys
from typing import TYPE_CHECKING

from agent.cli import forms, settings, targets
from agent.cli.exits import OK, USAGE
from agent.cli.numbers import count

if TYPE_CHECKING:
    from agent.logs.file_log import FileLog
    from agent.logs.journal.reading import JournalLog

_EPILOG = f"""\
{targets.SYNTAX}
examples:
  agent logs shop/api --all -f          of each of a pod's containers, with its name before it
  agent logs web db --since 5m          of two, in the order of their times
  agent logs web -f                     what comes, across rotation and restarts
  agent logs shop/api --since 15m --grep '(?i)timeout|refused'
  agent logs web -n 20 --stream stderr
  agent logs shop/api/app --previous    the run before the last restart, in Kubernetes
  agent logs web -o json | jq -r .log
  agent logs --systemd nginx -f         a unit of systemd's
  agent logs --verify                   does every line arrive? a test with a container of its own

It needs no daemon and no runtime: it reads the files, rotated and compressed ones too, and
systemd's journal where a container logs there. A container that ended is found too, while its
files are there. Lines are as the program wrote them, byte for byte; rules of [[logs.processing]]
are for what is shipped. On a terminal, bytes that are not UTF-8 and what would move its cursor are
shown as \\xff and \\x1b; in JSON such bytes are U+FFFD in `log`, and the whole line is in
`log_base64` too. Exit code 3: no container, or several fit, which are listed then; 4: its log may
not be read.
"""


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "logs",
        help="what a container wrote",
        description="What a container wrote, from its log files or from systemd's journal.",
        epilog=_EPILOG,
    )
    parser.add_argument("target", metavar="TARGET", nargs="*", help="which container, see below")
    parser.add_argument(
        "-a", "--all", action="store_true", help="all containers that a TARGET fits, as a pod's"
    )
    parser.add_argument(
        "--systemd", action="store_true", help="TARGET is a unit of systemd's, or a pattern of one"
    )
    parser.add_argument("-f", "--follow", action="store_true", help="go on with what comes")
    parser.add_argument(
        "-n",
        "--tail",
        type=_last,
        metavar="N",
        help="only the last N records, of those that fit, or all; 0 with -f for what comes alone",
    )
    parser.add_argument(
        "--since",
        type=_moment,
        metavar="WHEN",
        help="5m, 1h30m, 2d (so long ago), 03:12, or a time (ISO 8601, or seconds since 1970)",
    )
    parser.add_argument(
        "--until", type=_moment, metavar="WHEN", help="likewise; only what is before"
    )
    parser.add_argument(
        "--grep", type=_expression, metavar="REGEX", help="only records that this fits"
    )
    parser.add_argument("--stream", choices=("stdout", "stderr"), help="only this stream")
    parser.add_argument(
        "-t", "--timestamps", action="store_true", help="the runtime's time before each"
    )
    parser.add_argument(
        "-p", "--previous", action="store_true", help="the run before this one (Kubernetes)"
    )
    forms.add_arguments(parser, ("text", "json"))
    verify = parser.add_argument_group("self-test")
    verify.add_argument(
        "--verify", action="store_true", help="ship numbered lines of a container, and count them"
    )
    verify.add_argument("--lines", type=count(1), metavar="N", default=20_000, help="(20000)")
    verify.add_argument("--runtime", metavar="NAME", help="docker or podman (the first that works)")
    settings.add_arguments(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    config = settings.load_config(arguments)
    if arguments.verify:
        from agent.cli.logs_verify import verify

        return verify(config, arguments.lines, arguments.runtime)
    from agent.cli.logs_finding import Finder, NoLog
    from agent.cli.logs_printing import Wanted, show
    from agent.container.target import BadTarget

    finder = Finder(config)
    if not arguments.target:
        print(f"agent logs: which container? {finder.names()}", file=sys.stderr)
        return USAGE
    if arguments.systemd and arguments.previous:
        print("agent logs: --previous is for containers of Kubernetes", file=sys.stderr)
        return USAGE
    try:
        logs: list[FileLog | JournalLog] = []
        for target in dict.fromkeys(arguments.target):
            if arguments.systemd:
                logs.append(finder.unit(target))
            elif arguments.all:
                found, without = finder.containers(target, previous=arguments.previous)
                logs += found
                for reason in without:
                    print(f"agent logs: {reason}", file=sys.stderr)
            else:
                logs.append(finder.container(target, previous=arguments.previous))
    except BadTarget as error:
        print(f"agent logs: {error}", file=sys.stderr)
        return USAGE
    except NoLog as reason:
        print(f"agent logs: {reason}", file=sys.stderr)
        return reason.code
    # Two targets may mean one container; several runs of one have ids of their own.
    logs = list({(log.container.id, log.container.title): log for log in logs}.values())
    wanted = Wanted(
        arguments.since, arguments.until, arguments.grep, arguments.stream, arguments.tail
    )
    as_json = arguments.output == "json"
    if len(logs) == 1:
        show(
            logs[0],
            wanted,
            follow=arguments.follow,
            as_json=as_json,
            timestamps=arguments.timestamps,
        )
        return OK
    from agent.cli.logs_several import show_several

    show_several(
        logs, wanted, follow=arguments.follow, as_json=as_json, timestamps=arguments.timestamps
    )
    return OK


def _last(text: str) -> int | None:
    return None if text == "all" else count(0)(text)


def _moment(text: str) -> int:
    from agent.cli.moments import moment

    try:
        return moment(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _expression(text: str) -> re.Pattern[bytes]:
    try:
        return re.compile(text.encode("utf-8", "surrogateescape"))
    except re.error as error:
        raise argparse.ArgumentTypeError(f"not a regular expression: {error}") from None
