"""How help is laid out: as wide as the terminal, paragraphs as they were written.

argparse asks shutil for the width, when the first option is added already; that loads three
compression libraries, which `agent run` would hold for as long as it runs.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any, NoReturn

from agent.cli.plain_argparse import argparse


class HelpText(argparse.RawDescriptionHelpFormatter):
    """For `formatter_class`."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_columns() - 2)


def _columns() -> int:
    """COLUMNS, else the terminal's width, else 80."""
    try:
        return int(os.environ["COLUMNS"])
    except (KeyError, ValueError):
        pass
    try:
        return os.get_terminal_size().columns
    except OSError:
        return 80


class Parser(argparse.ArgumentParser):
    """With `HelpText` where nothing else is asked for, also for the commands below."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("formatter_class", HelpText)
        super().__init__(**options)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """Refuse what is not known here, with the usage of this command and not of all."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            near = [_near(word.partition("=")[0], self._option_string_actions) for word in unknown]
            self.error(f"unrecognized arguments: {' '.join(unknown)}{''.join(near[:1])}")
        return found, unknown

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the command line, and what is near to a word that is not known."""
        super().error(f"{message}{_nearest(message)}")


def _nearest(message: str) -> str:
    word, _, choices = message.partition("invalid choice: ")[2].partition(" (choose from ")
    if not choices:
        return ""
    import ast

    known = choices.removesuffix(")").replace("'", "").split(", ")
    return _near(str(ast.literal_eval(word)), known)


def _near(word: str, known: Iterable[str]) -> str:
    import difflib

    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.75 if "--" in word else 0.5)
    return f"; did you mean {near[0]}?" if near else ""
