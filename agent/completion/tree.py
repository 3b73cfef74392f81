"""What may follow on a command line, by the argument parsers: for shells and the manual. Pure.

A parser's private parts are where argparse keeps what it was told; `tests/agent/completion` says
when they change.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Literal

from agent.records import dataclass

Takes = Literal["", "file", "target", "words", "text"]
"""What an option's value or a positional is: nothing; a file; a container; one of some words."""

_FILES = frozenset({"FILE", "DIR", "PATH"})
_TARGETS = frozenset({"TARGET", "CONTAINER"})


@dataclass(frozen=True, slots=True)
class Option:
    """One option."""

    flags: tuple[str, ...]
    takes: Takes
    words: tuple[str, ...]
    """Of `takes` "words"."""
    metavar: str
    help: str


@dataclass(frozen=True, slots=True)
class Positional:
    """One argument without a name."""

    takes: Takes
    words: tuple[str, ...]
    metavar: str
    help: str
    optional: bool


@dataclass(frozen=True, slots=True)
class Command:
    """One command, or the program itself with the path ()."""

    path: tuple[str, ...]
    help: str
    """In one line."""
    description: str
    epilog: str
    options: tuple[Option, ...]
    positionals: tuple[Positional, ...]
    commands: tuple[tuple[str, str], ...]
    """(name, help) of those below it."""

    @property
    def words(self) -> str:
        """As the shells' scripts keep where they are: " config show", "" for the program."""
        return "".join(f" {name}" for name in self.path)


def tree(parser: argparse.ArgumentParser) -> list[Command]:
    """Every command, the program first, each before those below it."""
    return list(_commands(parser, (), ""))


def _commands(
    parser: argparse.ArgumentParser, path: tuple[str, ...], text: str
) -> Iterator[Command]:
    options, positionals = [], []
    below: list[tuple[str, str, argparse.ArgumentParser]] = []
    for action in parser._actions:
        if action.help == argparse.SUPPRESS:
            continue
        if isinstance(action, argparse._SubParsersAction):
            below += _below(action)
        elif action.option_strings:
            takes, words = _takes(action) if action.nargs != 0 else ("", ())
            options.append(
                Option(tuple(action.option_strings), takes, words, _metavar(action), _help(action))
            )
        else:
            takes, words = _takes(action)
            positionals.append(
                Positional(
                    takes, words, _metavar(action), _help(action), optional=not action.required
                )
            )
    yield Command(
        path=path,
        help=text,
        description=parser.description or text,
        epilog=parser.epilog or "",
        options=tuple(options),
        positionals=tuple(positionals),
        commands=tuple((name, help_) for name, help_, _ in below),
    )
    for name, help_, inner in below:
        yield from _commands(inner, (*path, name), help_)


def _below(
    action: argparse._SubParsersAction[argparse.ArgumentParser],
) -> Iterator[tuple[str, str, argparse.ArgumentParser]]:
    """Without the aliases, which only spare those who know them."""
    helps = {choice.dest: choice.help or "" for choice in action._choices_actions}
    for name, inner in action.choices.items():
        told = helps.get(name)
        if told is None:
            told = next((h for dest, h in helps.items() if dest.split(" ")[0] == name), None)
        if told is not None:
            yield name, told, inner


def _takes(action: argparse.Action) -> tuple[Takes, tuple[str, ...]]:
    if action.choices is not None:
        return "words", tuple(map(str, action.choices))
    metavar = _metavar(action)
    if metavar in _FILES:
        return "file", ()
    return ("target" if metavar in _TARGETS else "text"), ()


def _metavar(action: argparse.Action) -> str:
    if isinstance(action.metavar, str):
        return action.metavar
    if action.choices is not None:
        return f"{{{','.join(map(str, action.choices))}}}"
    return action.dest.upper()


def _help(action: argparse.Action) -> str:
    text = action.help or ""
    return " ".join((text % {"default": action.default}).split()) if text else ""
