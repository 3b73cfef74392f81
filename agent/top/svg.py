"""A Screen as a picture: SVG, self-contained, with fonts that are everywhere. Pure.

No script, no link, no font to fetch, so that it shows where pages forbid those (GitHub's README).
Each span is placed by its column and stretched to its width, so that columns line up whatever font
the viewer has.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Final
from xml.sax.saxutils import escape

from agent.records import NamedTuple
from agent.top.screen import Line, Screen, Span, Style
from agent.top.width import display_width

_CELL: Final = 8.4
_LINE: Final = 18
_SIZE: Final = 14
_EDGE: Final = 12
"""Around the screen, in pixels."""


class _Look(NamedTuple):
    colour: str
    bold: bool = False
    back: str = ""


_PAPER: Final = "#0d1117"
_INK: Final = "#c9d1d9"
_MARKED: Final = "#1f3a5f"
_LOOKS: Final = {
    Style.PLAIN: _Look(_INK),
    Style.FAINT: _Look("#7d8590"),
    Style.STRONG: _Look("#f0f6fc", bold=True),
    Style.TITLE: _Look("#58a6ff", bold=True),
    Style.HEADING: _Look("#0d1117", back="#8b949e"),
    Style.SORTED: _Look("#0d1117", bold=True, back="#c9d1d9"),
    Style.GOOD: _Look("#3fb950"),
    Style.WARNING: _Look("#d29922", bold=True),
    Style.CRITICAL: _Look("#ff7b72", bold=True),
    Style.KEY: _Look("#79c0ff", bold=True),
    Style.NOTICE: _Look("#79c0ff"),
    Style.PAUSED: _Look("#0d1117", bold=True, back="#d29922"),
    Style.TOTAL: _Look("#f0f6fc", bold=True),
}


def svg(screen: Screen, *, title: str) -> str:
    """The picture as text; `title` is what it is for those who cannot see it."""
    width = screen.width * _CELL + 2 * _EDGE
    height = screen.height * _LINE + 2 * _EDGE
    fonts = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace"
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}"'
        f' width="{width:g}" height="{height:g}" role="img"'
        f' font-family="{fonts}" font-size="{_SIZE}">'
    )
    return "\n".join(
        (
            head,
            f"<title>{escape(title)}</title>",
            f'<rect width="100%" height="100%" rx="8" fill="{_PAPER}"/>',
            *(
                piece
                for number, line in enumerate(screen.lines)
                for piece in _line(line, _EDGE + number * _LINE)
            ),
            "</svg>",
            "",
        )
    )


def _line(line: Line, top: float) -> Iterator[str]:
    left = float(_EDGE)
    for span in line:
        width = display_width(span.text) * _CELL
        look = _LOOKS[span.style]
        back = _MARKED if span.selected else look.back
        if back:
            size = f'width="{width:g}" height="{_LINE}"'
            yield f'<rect x="{left:g}" y="{top:g}" {size} fill="{back}"/>'
        for column, text in _words(span):
            yield _text(text, left + column * _CELL, top + _LINE - 5, look)
        left += width


def _words(span: Span) -> Iterator[tuple[int, str]]:
    """The parts between gaps of two spaces and more, each with its column."""
    column = start = 0
    word = ""
    for character in span.text:
        if word and word.endswith("  ") and character != " ":
            yield start, word.rstrip()
            word = ""
        if not word:
            start = column
            if character == " ":
                column += 1
                continue
        word += character
        column += display_width(character)
    if word.strip():
        yield start, word.rstrip()


def _text(text: str, x: float, y: float, look: _Look) -> str:
    width = display_width(text) * _CELL
    weight = ' font-weight="bold"' if look.bold else ""
    return (
        f'<text x="{x:g}" y="{y:g}" fill="{look.colour}"{weight} textLength="{width:g}"'
        f' lengthAdjust="spacingAndGlyphs" xml:space="preserve">{escape(_legal(text))}</text>'
    )


def _legal(text: str) -> str:
    """Without what XML may not hold, which `clean` leaves none of but lone surrogates."""
    return "".join(
        "\ufffd" if unicodedata.category(character) in ("Cs", "Cc", "Cn") else character
        for character in text
    )
