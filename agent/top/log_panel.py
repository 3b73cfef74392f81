"""A container's log as a panel: what `agent logs -f` prints, kept to its last lines. Pure parts.

The records come as `agent logs` writes them to a terminal: a dim time, then the line, red where it
is of stderr, with the program's own colours, which are left out here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from agent.records import NamedTuple
from agent.top.glyphs import Glyphs
from agent.top.panel import Panel
from agent.top.screen import Span, Style
from agent.top.width import clean

_COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")
_STDERR: Final = "\x1b[31m"
_STAMPED: Final = re.compile(r"\x1b\[2m(?P<stamp>\S+) \x1b\[0m(?P<rest>.*)\Z", re.DOTALL)
_SHOWN_STAMP: Final = len("2026-11-24T03:16:16.105")


class LogLine(NamedTuple):
    """One record's line."""

    stamp: str
    """RFC 3339; "" where there is none."""
    text: str
    is_error: bool
    """Of stderr."""


def parse_line(line: str) -> LogLine:
    """One line as `agent logs --timestamps` writes it to a terminal."""
    match = _STAMPED.match(line)
    stamp, rest = (match["stamp"], match["rest"]) if match else ("", line)
    return LogLine(stamp, _COLOUR.sub("", rest), rest.startswith(_STDERR))


def log_panel(
    title: str,
    lines: Sequence[LogLine],
    said: str,
    search: str,
    glyphs: Glyphs,
    *,
    stamps: bool,
) -> Panel:
    """`said`: why there are no more; "" while it is followed. `search`: only lines with it."""
    wanted = search.casefold()
    shown = [line for line in lines if not wanted or wanted in line.text.casefold()]
    drawn = [_spans(line, glyphs, stamps=stamps) for line in shown]
    if said:
        for each in said.splitlines():
            text = clean(each, ascii_only=glyphs.ascii_only)
            drawn.append((Span(f" {text}", Style.FAINT),))
    elif not drawn:
        waits = "nothing with it yet" if search else "nothing written yet"
        drawn.append((Span(f" {waits}", Style.FAINT),))
    found = f"   with {search!r}: {len(shown)} of {len(lines)}" if search else ""
    return Panel(
        f"log of {title}{found}",
        drawn,
        ends_at_bottom=True,
        keys=(("t", "times"), ("/", "search")),
    )


def _spans(line: LogLine, glyphs: Glyphs, *, stamps: bool) -> tuple[Span, ...]:
    text = clean(line.text.replace("\t", "    "), ascii_only=glyphs.ascii_only)
    style = Style.WARNING if line.is_error else Style.PLAIN
    if not stamps or not line.stamp:
        return (Span(f" {text}", style),)
    return (Span(f" {line.stamp[:_SHOWN_STAMP]} ", Style.FAINT), Span(text, style))
