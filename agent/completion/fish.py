"""A completion script for fish, 3.0 or later. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from agent.completion.bash import TARGETS
from agent.completion.tree import Command, Option, Takes

_HEAD = r"""# fish completion for agent. Made by `agent completion fish`.
function __agent_at --description 'Whether these are the commands on the line'
    set -l at
    for word in (commandline -opc)[2..]
        if contains -- "$at $word" PATHS
            set at "$at $word"
        end
    end
    test "$at" = "$argv[1]"
end
complete -c agent -f
"""


def script(commands: Iterable[Command]) -> str:
    """The whole script."""
    every = list(commands)
    paths = " ".join(_quoted(command.words) for command in every if command.path)
    lines = [_HEAD.replace("PATHS", paths)]
    for command in every:
        lines += _lines(command)
    return "".join(lines)


def _lines(command: Command) -> Iterator[str]:
    start = f"complete -c agent -n {_quoted(f'__agent_at {_quoted(command.words)}')}"
    for name, text in command.commands:
        yield f"{start} -a {_quoted(name)} -d {_quoted(text)}\n"
    for positional in command.positionals[:1]:
        if positional.takes not in ("", "text"):
            yield f"{start}{_value(positional.takes, positional.words)}\n"
    for option in command.options:
        yield f"{start} {_flags(option)}{_after(option)} -d {_quoted(option.help)}\n"


def _flags(option: Option) -> str:
    words = []
    for flag in option.flags:
        if flag.startswith("--"):
            words.append(f"-l {_quoted(flag[2:])}")
        elif len(flag) == 2:
            words.append(f"-s {_quoted(flag[1:])}")
        else:
            words.append(f"-o {_quoted(flag[1:])}")
    return " ".join(words)


def _after(option: Option) -> str:
    if not option.takes:
        return ""
    # -x: nothing else, and no files.
    how = " -r" if option.takes == "file" else " -x"
    return how + _value(option.takes, option.words)


def _value(takes: Takes, words: Iterable[str]) -> str:
    match takes:
        case "words":
            return f" -a {_quoted(' '.join(words))}"
        case "file":
            return " -F"
        case "target":
            return f" -a {_quoted(f'({TARGETS})')}"
        case _:
            return ""


def _quoted(text: str) -> str:
    inside = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{inside}'"
