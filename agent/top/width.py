"""How many terminal columns a text takes, and making it take exactly so many.

Container names, images and cgroup paths come from outside. `clean` leaves nothing in them that
moves a cursor, changes a colour, turns the writing direction round or has no width: after it, every
character is one column wide, or two where East_Asian_Width is W or F (Unicode UAX #11).
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import Final

REPLACEMENT: Final = "\ufffd"
ASCII_REPLACEMENT: Final = "_"
"""Not "?", which means "not permitted" on this screen."""


def clean(text: str, *, ascii_only: bool = False) -> str:
    """Replace what is not one visible character; drop combining marks."""
    if text.isascii() and text.isprintable():
        return text
    kept = []
    # NFC first, so that a letter with its accent is one character rather than a dropped mark.
    for character in unicodedata.normalize("NFC", text):
        if unicodedata.category(character) in ("Mn", "Me"):
            continue
        if ascii_only and not character.isascii():
            kept.append(ASCII_REPLACEMENT)
        elif character.isprintable():
            kept.append(character)
        else:
            kept.append(ASCII_REPLACEMENT if ascii_only else REPLACEMENT)
    return "".join(kept)


def display_width(text: str) -> int:
    """Width of a cleaned text."""
    return len(text) if text.isascii() else _measure(text)


def cut(text: str, width: int, ellipsis: str = "…") -> str:
    """At most `width` columns of a cleaned text; what is missing is shown by the ellipsis."""
    if display_width(text) <= width:
        return text
    if width < len(ellipsis):
        return ""
    return _head(text, width - len(ellipsis)) + ellipsis


def fit(text: str, width: int, *, right: bool = False, ellipsis: str = "…") -> str:
    """Exactly `width` columns of a cleaned text: cut, or filled with spaces."""
    left = width - display_width(text)
    if left < 0:
        text = cut(text, width, ellipsis)
        left = width - display_width(text)
    space = " " * left
    return space + text if right else text + space


@lru_cache(maxsize=4096)
def _measure(text: str) -> int:
    # The same names and the same "–" are drawn tick after tick.
    return sum(map(_width, text))


def _head(text: str, width: int) -> str:
    """The longest start of at most `width` columns. A wide character is never halved."""
    if text.isascii():
        return text[:width]
    taken = 0
    for index, character in enumerate(text):
        taken += _width(character)
        if taken > width:
            return text[:index]
    return text


def _width(character: str) -> int:
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
