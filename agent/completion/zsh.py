"""A completion script for zsh, 5.3 or later: a file `_agent` in a directory of $fpath. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from agent.completion.bash import TARGETS
from agent.completion.tree import Command, Takes

_HEAD = r"""#compdef agent
# zsh completion for agent. Made by `agent completion zsh`.
_agent() {
    local at='' word before=${words[CURRENT-1]}
    if [[ $PREFIX == --*=* ]]; then
        before=${PREFIX%%=*}
        compset -P 1 '*='
    fi
    integer place
    for ((place = 2; place < CURRENT; place++)); do
        word=${words[place]}
        case "$at $word" in
            (PATHS) at+=" $word" ;;
        esac
    done
    case "$at $before" in
"""
_MIDDLE = r"""    esac
    local -a options commands
    case "$at" in
"""
_END = r"""    esac
    if [[ $PREFIX == -* ]]; then _describe -o option options
    elif ((${#commands})); then _describe command commands
    fi
}
if [[ ${funcstack[1]} == _agent ]]; then _agent "$@"; else compdef _agent agent; fi
"""


def script(commands: Iterable[Command]) -> str:
    """The whole script."""
    every = list(commands)
    paths = "|".join(_quoted(command.words) for command in every if command.path)
    lines = [_HEAD.replace("PATHS", paths)]
    for command in every:
        for option in command.options:
            if option.takes:
                cases = "|".join(_quoted(f"{command.words} {flag}") for flag in option.flags)
                lines.append(f"        ({cases}) {_add(option.takes, option.words)}; return ;;\n")
    lines.append(_MIDDLE)
    for command in every:
        lines += _words(command)
    lines.append(_END)
    return "".join(lines)


def _add(takes: Takes, words: Iterable[str]) -> str:
    match takes:
        case "words":
            return f"compadd -- {' '.join(map(_quoted, words))}"
        case "file":
            return "_files"
        case "target":
            return f'compadd -- ${{(f)"$({TARGETS})"}}'
        case _:
            return "_message value"


def _words(command: Command) -> Iterator[str]:
    yield f"        ({_quoted(command.words)})\n            options=(\n"
    for option in command.options:
        for flag in option.flags:
            yield f"                {_described(flag, option.help)}\n"
    yield "            )\n"
    if command.commands:
        yield "            commands=(\n"
        for name, text in command.commands:
            yield f"                {_described(name, text)}\n"
        yield "            )\n"
    elif command.positionals and command.positionals[0].takes != "text":
        first = command.positionals[0]
        yield f"            [[ $PREFIX == -* ]] || {{ {_add(first.takes, first.words)}; return }}\n"
    yield "            ;;\n"


def _described(name: str, text: str) -> str:
    # A colon ends the name in what _describe takes.
    return _quoted(f"{name.replace(':', chr(92) + ':')}:{text}")


def _quoted(text: str) -> str:
    inside = text.replace("'", "'\\''")
    return f"'{inside}'"
