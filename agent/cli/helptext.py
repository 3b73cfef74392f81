"""How help is laid out: as wide as the terminal, paragraphs as they were written.

argparse asks shutil for the width, when the first option is added already; that loads three
compression libraries, which `agent run` would hold for as long as it runs.
"""

from __future__ import annotations

import os
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

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the command line, and what is near to a word that is not known."""
        super().error(f"{message}{_nearest(message)}")


def _nearest(message: str) -> str:
    word, _, choices = message.partition("invalid choice: ")[2].partition(" (choose from ")
    if not choices:
        return ""
    import ast
    import difflib

    known = choices.removesuffix(")").replace("'", "").split(", ")
    near = difflib.get_close_matches(str(ast.literal_eval(word)), known, n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else ""
