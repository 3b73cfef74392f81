"""How help is laid out: as wide as the terminal, paragraphs as they were written.

argparse asks shutil for the width, when the first option is added already; that loads three
compression libraries, which `agent run` would hold for as long as it runs.
"""

from __future__ import annotations

import argparse
import os
from typing import Any


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
