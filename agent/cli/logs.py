"""`agent logs TARGET`: what a container wrote, from the files themselves."""

from __future__ import annotations

import argparse
import re
import sys
from typing import TYPE_CHECKING

from agent.cli import settings
from agent.cli.exits import NOT_FOUND, OK, USAGE

if TYPE_CHECKING:
    from agent.config import Config
    from agent.container.log_source import LogSource

_EPILOG = """\
targets:
  3f2a9c              start of an id; of a container that ended too, while its files are there
  web                 a name
  shop/api[/app]      Kubernetes namespace/pod[/container], or Compose project/service
  pid:1234            whichever container the process is in
  cgroup:/docker/...  a cgroup's path

examples:
  agent logs web -f                     what comes, across rotation
  agent logs shop/api --since 15m --grep 'timeout|refused'
  agent logs web -n 20 --stream stderr
  agent logs shop/api/app --previous    the run before the last restart, in Kubernetes
  agent logs web -o json | jq -r .log
  agent logs --verify                   does every line arrive? a test with a container of its own

It needs no daemon and no runtime: it reads the files, rotated and compressed ones too. Lines are
as the program wrote them; rules of [[logs.processing]] are for what is shipped. Exit code 3: no
container, or several fit, which are listed then.
"""


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "logs",
        help="what a container wrote",
        description="What a container wrote, from its log files.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("target", metavar="TARGET", nargs="?", help="which container, see below")
    parser.add_argument("-f", "--follow", action="store_true", help="go on with what comes")
    parser.add_argument(
        "-n", "--tail", type=_count, metavar="N", help="only the last N records, of those that fit"
    )
    parser.add_argument(
        "--since", type=_moment, metavar="WHEN", help="5m, 1h30m, 2d ago, or a time (ISO 8601)"
    )
    parser.add_argument("--until", type=_moment, metavar="WHEN", help="likewise; not this late")
    parser.add_argument(
        "--grep", type=_expression, metavar="REGEX", help="only records that this fits"
    )
    parser.add_argument("--stream", choices=("stdout", "stderr"), help="only this one")
    parser.add_argument("--timestamps", action="store_true", help="the runtime's time before each")
    parser.add_argument(
        "--previous", action="store_true", help="the run before this one (Kubernetes)"
    )
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text")
    verify = parser.add_argument_group("self-test")
    verify.add_argument(
        "--verify", action="store_true", help="ship numbered lines of a container, and count them"
    )
    verify.add_argument("--lines", type=_count, metavar="N", default=20_000, help="(20000)")
    verify.add_argument("--runtime", metavar="NAME", help="docker or podman (the first that works)")
    settings.add_arguments(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    config = settings.load_config(arguments)
    if arguments.verify:
        from agent.cli.logs_verify import verify

        return verify(config, arguments.lines, arguments.runtime)
    if arguments.target is None:
        print("agent logs: which container? write a TARGET, or --verify", file=sys.stderr)
        return USAGE
    from agent.container.target import BadTarget

    try:
        source = _find(config, arguments.target, previous=arguments.previous)
    except BadTarget as error:
        print(f"agent logs: {error}", file=sys.stderr)
        return USAGE
    if source is None:
        return NOT_FOUND

    from agent.cli.logs_printing import Wanted, show

    wanted = Wanted(
        arguments.since, arguments.until, arguments.grep, arguments.stream, arguments.tail
    )
    show(
        source,
        wanted,
        follow=arguments.follow,
        as_json=arguments.output == "json",
        timestamps=arguments.timestamps,
    )
    return OK


def _find(config: Config, text: str, *, previous: bool) -> LogSource | None:
    """The one source that is meant; None where there is none, or more: said then."""
    from agent.container.log_sources import LogSources
    from agent.container.log_targets import find_logs, newest, runs_of
    from agent.container.target import parse_target

    target = parse_target(text)
    sources = LogSources(config.paths, config.logs.files)
    all_of_them = sources.scan()
    found = find_logs(target, all_of_them, config.paths.proc)
    if not found:
        print(
            f"agent logs: no container with a log file is {text!r}; `agent top --once` lists those "
            "that run",
            file=sys.stderr,
        )
        for failure in sources.failures():
            print(f"  {failure}", file=sys.stderr)
        return None
    if len(found) > 1:
        print(f"agent logs: {text!r} may be any of {len(found)}:", file=sys.stderr)
        for source in found:
            container = source.container
            print(
                f"  {container.title or source.path}  {container.id[:12]}  {container.runtime}",
                file=sys.stderr,
            )
        return None
    if not previous:
        return found[0]
    runs = runs_of(found[0], all_of_them)
    earlier = [run for run in runs if newest(run) < newest(found[0])]
    if not earlier:
        print(
            f"agent logs: {text!r} has no earlier run with a file of its own (Docker and Podman "
            "write all runs of a container into one)",
            file=sys.stderr,
        )
        return None
    return max(earlier, key=newest)


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return count


def _moment(text: str) -> int:
    from agent.cli.moments import moment

    try:
        return moment(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _expression(text: str) -> re.Pattern[bytes]:
    try:
        return re.compile(text.encode())
    except re.error as error:
        raise argparse.ArgumentTypeError(f"not a regular expression: {error}") from None
