"""A completion script for bash, 4.2 or later. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from agent.completion.tree import Command, Option, Positional, Takes

TARGETS = "agent completion targets 2>/dev/null"
"""What lists the containers' names."""

_HEAD = r"""# bash completion for agent. Made by `agent completion bash`.
_agent() {
    local current=${COMP_WORDS[COMP_CWORD]} path='' word place
    for ((place = 1; place < COMP_CWORD; place++)); do
        word=${COMP_WORDS[place]}
        case "$path $word" in
            PATHS) path+=" $word" ;;
        esac
    done
    local before=${COMP_WORDS[COMP_CWORD - 1]}
    # bash takes --option=value apart: the option is two words back.
    if [[ $before == '=' ]]; then before=${COMP_WORDS[COMP_CWORD - 2]}; fi
    if [[ $current == '=' ]]; then current=''; fi
    case "$path $before" in
"""
_MIDDLE = r"""    esac
    local options='' words=''
    case "$path" in
"""
_END = r"""    esac
    if [[ $current == -* ]]; then words=$options; fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}
complete -F _agent agent
"""


def script(commands: Iterable[Command]) -> str:
    """The whole script."""
    every = list(commands)
    paths = "|".join(f"'{command.words}'" for command in every if command.path)
    lines = [_HEAD.replace("PATHS", paths)]
    for command in every:
        lines += (_value(command, option) for option in command.options if option.takes)
    lines.append(_MIDDLE)
    for command in every:
        lines += _words(command)
    lines.append(_END)
    return "".join(lines)


def _value(command: Command, option: Option) -> str:
    """A case for what stands after an option."""
    cases = "|".join(f"'{command.words} {flag}'" for flag in option.flags)
    return f"        {cases}) {_reply(option.takes, option.words)} return ;;\n"


def _reply(takes: Takes, words: Iterable[str]) -> str:
    match takes:
        case "words":
            made = f"compgen -W '{' '.join(words)}' -- \"$current\""
        case "file":
            made = 'compgen -f -- "$current"'
        case "target":
            made = f'compgen -W "$({TARGETS})" -- "$current"'
        case _:
            return "COMPREPLY=();"
    return f"mapfile -t COMPREPLY < <({made});"


def _words(command: Command) -> Iterator[str]:
    options = " ".join(flag for option in command.options for flag in option.flags)
    yield f"        '{command.words}')\n            options='{options}'\n"
    names = [name for name, _ in command.commands]
    if names:
        yield f"            words='{' '.join(names)}'\n"
    elif command.positionals:
        first: Positional = command.positionals[0]
        if first.takes != "text":
            yield (
                "            if [[ $current != -* ]]; then "
                f"{_reply(first.takes, first.words)} return; fi\n"
            )
    yield "            ;;\n"
