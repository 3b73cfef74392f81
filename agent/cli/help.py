"""`agent help [TOPIC]`: the help of a command, or of what several of them share.

Nothing is written here that is written elsewhere: keys, signs and columns are those of the help in
`agent top`, fields those of its filters.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Final

from agent.cli.exits import CODES, OK


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    from agent.cli.main import COMMANDS

    parser = commands.add_parser(
        "help",
        help="help of a command or a topic: filter, keys, columns, …",
        description="Print the help of a command, or of what several commands share.",
        epilog="topics:\n" + _topics(),
    )
    parser.add_argument(
        "topic",
        metavar="TOPIC",
        nargs="?",
        choices=(*COMMANDS, *TOPICS),
        help="a command, or a topic of those below",
    )
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from agent.cli.main import parser

    topic = arguments.topic
    if topic in TOPICS:
        print(TOPICS[topic][1](), end="")
    elif topic is None:
        print(parser().format_help())
        print(f"topics (agent help TOPIC):\n{_topics()}", end="")
    else:
        parser(topic).parse_args([topic, "--help"])  # which ends the program
    return OK


def _topics() -> str:
    return _table([(name, says) for name, (says, _) in TOPICS.items()])


def _table(rows: list[tuple[str, str]]) -> str:
    width = max(len(name) for name, _ in rows)
    return "".join(f"  {name:<{width}}  {says}\n" for name, says in rows)


def _of_screen(*headings: str) -> Callable[[], str]:
    def said() -> str:
        from agent.top.glyphs import UNICODE
        from agent.top.help import sections

        found = sections(UNICODE)
        return "\n".join(f"{heading}\n{_table(found[heading])}" for heading in headings)

    return said


def _fields() -> str:
    from agent.selection.fields import FIELDS

    return "Fields, for --filter, --sort and --fields\n" + _table(
        [(field.name, field.help) for field in FIELDS]
        + [("label.KEY", "the value of the container's label KEY")]
    )


def _targets() -> str:
    from agent.cli.targets import SYNTAX

    return SYNTAX


TOPICS: Final[dict[str, tuple[str, Callable[[], str]]]] = {
    "targets": ("how a container is named: an id, a name, ns/pod, pid:N, cgroup:PATH", _targets),
    "filter": ("what --filter and / in agent top take", _of_screen("Filter")),
    "fields": ("what can be filtered, sorted by and printed", _fields),
    "columns": (
        "what the columns of agent top mean, and its signs",
        _of_screen("Columns", "Signs"),
    ),
    "keys": ("the keys of agent top", _of_screen("Keys")),
    "exit-codes": ("what a command's exit code says", lambda: f"exit codes:\n{CODES}"),
}
"""Name → (what it is about, what makes its text)."""
