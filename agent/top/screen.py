"""A screen as a value: lines of styled text, exactly as many and as wide as asked for.

Back-ends turn it into curses calls or plain text; tests compare it. Nothing here knows a terminal.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

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
    left = width
    for span in spans:
        text = cut(span.text, left)
        if text:
            left -= display_width(text)
            _append(joined, span._replace(text=text))
        if left <= 0 or len(text) < len(span.text):
            break
    if left > 0:
        _append(joined, Span(" " * left, fill, selected))
    return tuple(joined)


def screen(lines: Iterable[Line], width: int, height: int) -> Screen:
    """The first `height` of `lines`, filled with empty ones. Each must be `width` wide."""
    kept = list(lines)[:height]
    kept += [line((), width)] * (height - len(kept))
    return Screen(width, height, tuple(kept))


def _append(spans: list[Span], span: Span) -> None:
    if spans and spans[-1][1:] == span[1:]:
        spans[-1] = span._replace(text=spans[-1].text + span.text)
    else:
        spans.append(span)
