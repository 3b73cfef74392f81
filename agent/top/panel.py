"""What fills the screen in place of the table: a title, its lines, and the way back. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from agent.records import dataclass
from agent.top.footer import note_line, prompt_line
from agent.top.glyphs import Glyphs
from agent.top.screen import Line, Screen, Span, Style, line, screen
from agent.top.view import Show, View
from agent.top.width import clean


@dataclass(frozen=True, slots=True)
class Panel:
    """One of them, as long as it is."""

    title: str
    lines: Sequence[Sequence[Span]]
    ends_at_bottom: bool = False
    """A log: what is new comes last, and is what is seen."""
    cursor: int | None = None
    """The line under the cursor."""
    keys: tuple[tuple[str, str], ...] = ()
    """(key, word) beside the way back."""


def draw_panel(panel: Panel, view: View, width: int, height: int, glyphs: Glyphs) -> Screen:
    """The panel at where it is scrolled to."""
    page = max(0, height - 2)
    first = _first(panel, view.scroll, page)
    name = clean(panel.title, ascii_only=glyphs.ascii_only)
    drawn = [line([Span(f" agent top: {name}", Style.TITLE)], width, fill=Style.TITLE)]
    for number, spans in enumerate(panel.lines[first : first + page], start=first):
        chosen = number == panel.cursor
        marked = [span._replace(selected=True) for span in spans] if chosen else spans
        drawn.append(line(marked, width, selected=chosen))
    drawn = drawn[: height - 1] if height > 1 else drawn
    drawn += [line((), width)] * (height - 1 - len(drawn))
    if view.prompt is not None and height > 2 and (view.message or view.prompt.asks != "search"):
        drawn[-1] = note_line(view, (), width, glyphs)
    drawn.append(_keys(panel, view, page, width, glyphs))
    return screen(drawn, width, height)


def _first(panel: Panel, scroll: int, page: int) -> int:
    most = max(0, len(panel.lines) - page)
    if panel.ends_at_bottom:
        return max(0, most - scroll)
    if panel.cursor is not None:
        # As little as brings the cursor into sight, and it stays in the middle on the way.
        return max(0, min(panel.cursor - page // 2, most))
    return max(0, min(scroll, most))


def _keys(panel: Panel, view: View, page: int, width: int, glyphs: Glyphs) -> Line:
    if view.prompt is not None:
        return prompt_line(view.prompt, width, glyphs)
    if view.message:
        text = clean(view.message, ascii_only=glyphs.ascii_only)
        return line([Span(f" {text}", Style.STRONG)], width)
    pairs = [*panel.keys, ("Esc", "back")]
    if page < len(panel.lines):
        pairs.append((f"{glyphs.up} {glyphs.down}", "more"))
    if view.show is not Show.HELP:
        pairs.append(("?", "help"))
    spans = []
    for key, word in pairs:
        spans += [Span(f" {key} ", Style.KEY), Span(f"{word} ")]
    return line(spans, width)
