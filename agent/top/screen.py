"""A screen as a value: lines of styled text, exactly as many and as wide as asked for.

Back-ends turn it into curses calls or plain text; tests compare it. Nothing here knows a terminal.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable

from agent.records import NamedTuple, dataclass
from agent.top.width import cut, display_width


class Style(enum.Enum):
    """What a piece of text is, not how it looks: a back-end chooses colours."""

    PLAIN = enum.auto()
    FAINT = enum.auto()
    STRONG = enum.auto()
    TITLE = enum.auto()
    HEADING = enum.auto()
    SORTED = enum.auto()
    """Heading of the column the rows are sorted by."""
    GOOD = enum.auto()
    WARNING = enum.auto()
    CRITICAL = enum.auto()
    KEY = enum.auto()
    TOTAL = enum.auto()
    NOTICE = enum.auto()
    PAUSED = enum.auto()
    """The moment shown is not now."""


class Span(NamedTuple):
    """Text of one style."""

    text: str
    style: Style = Style.PLAIN
    selected: bool = False


Line = tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Screen:
    """`height` lines of `width` columns each."""

    width: int
    height: int
    lines: tuple[Line, ...]


def line(
    spans: Iterable[Span], width: int, *, fill: Style = Style.PLAIN, selected: bool = False
) -> Line:
    """Spans cut or filled to exactly `width` columns; neighbours of one style are joined."""
    joined: list[Span] = []
    text, style, marked = "", fill, selected
    left = width
    for span in spans:
        wanted = display_width(span.text)
        piece = span.text if wanted <= left else cut(span.text, left)
        left -= wanted if wanted <= left else display_width(piece)
        if span.style is style and span.selected is marked:
            text += piece
        else:
            if text:
                joined.append(Span(text, style, marked))
            text, style, marked = piece, span.style, span.selected
        if piece is not span.text:
            break
    if left > 0 and (style is not fill or marked is not selected):
        if text:
            joined.append(Span(text, style, marked))
        text, style, marked = "", fill, selected
    if text or left > 0:
        joined.append(Span(text + " " * left, style, marked))
    return tuple(joined)


def screen(lines: Iterable[Line], width: int, height: int) -> Screen:
    """The first `height` of `lines`, filled with empty ones. Each must be `width` wide."""
    kept = list(lines)[:height]
    kept += [line((), width)] * (height - len(kept))
    return Screen(width, height, tuple(kept))
