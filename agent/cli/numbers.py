"""Numbers as options take them. What is none, or too small or large, is refused in words."""

from __future__ import annotations

import argparse
from collections.abc import Callable


def count(least: int = 1) -> Callable[[str], int]:
    """The type of an option that takes a whole number from `least` on."""

    def taken(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r}: a whole number from {least} on")
        return int(text)

    return taken


def seconds(least: float, most: float) -> Callable[[str], float]:
    """The type of an option that takes so many seconds, with a fraction or without."""

    def taken(text: str) -> float:
        try:
            found = float(text)
        except ValueError:
            found = float("nan")
        if not least <= found <= most:
            raise argparse.ArgumentTypeError(
                f"{text!r}: a number of seconds from {least:g} to {most:g}"
            )
        return found

    return taken
