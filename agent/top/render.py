"""Frame and View → Screen. Pure: the same facts and choices give the same screen, at any size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from agent.top.columns import BY_KEY, COLUMNS, Column, title
from agent.top.filter import parse_filter
from agent.top.frame import Frame
from agent.top.glyphs import Glyphs
from agent.top.header import load_line, title_line, view_line
from agent.top.help import footer_keys, help_lines
from agent.top.notes import notes
from agent.top.screen import Line, Screen, Span, Style, line, screen
from agent.top.table import Level, arrange, select, write_cell
from agent.top.view import View, settle
from agent.top.width import clean, display_width, fit
from agent.usage import Usage

_WIDE = 140
"""From this many columns on the wide columns are shown."""
_NAME_WIDTH = 48
"""A name may grow to this before the rest of the line is left empty."""

_STYLES = {
    Level.NORMAL: Style.PLAIN,
    Level.FAINT: Style.FAINT,
    Level.WARNING: Style.WARNING,
    Level.CRITICAL: Style.CRITICAL,
}


class Layout(NamedTuple):
    """How many lines each part of the screen gets."""

    header: int
    heading: int
    body: int
    notes: int
    keys: int


def lay_out(height: int) -> Layout:
    """The parts of a screen of this height; the table keeps a line as long as there is one."""
    if height >= 9:
        return Layout(header=3, heading=1, body=height - 6, notes=1, keys=1)
    if height >= 5:
        return Layout(header=1, heading=1, body=height - 3, notes=0, keys=1)
    if height >= 2:
        return Layout(header=0, heading=1, body=height - 1, notes=0, keys=0)
    return Layout(header=0, heading=0, body=max(0, height), notes=0, keys=0)


def page_size(view: View, height: int) -> int:
    """How many rows, or lines of the help, fit."""
    if view.help is not None:
        return max(0, height - 2)
    return lay_out(height).body


def rows_of(frame: Frame, view: View) -> list[Usage]:
    """The rows `view` asks for, in its order."""
    kept = select(frame.usages, parse_filter(view.shown_filter), everything=view.everything)
    return arrange(kept, BY_KEY[view.sort], reverse=view.reverse)


def render(
    frame: Frame | None,
    rows: Sequence[Usage],
    view: View,
    width: int,
    height: int,
    glyphs: Glyphs,
) -> Screen:
    """
    The screen of `width` x `height` columns; each may be 0.

    `rows` are `rows_of(frame, view)`, which the caller has anyway. `frame` is None until there is
    one.
    """
    width, height = max(0, width), max(0, height)
    if view.help is not None:
        return screen(_help(view, width, height, glyphs), width, height)
    layout = lay_out(height)
    view = settle(view, [usage.cgroup.inode for usage in rows], layout.body)
    shown = list(rows[view.offset : view.offset + layout.body])
    columns = choose_columns(view, rows, width)
    lines: list[Line] = []
    if frame is None:
        lines.append(line([Span(" agent top", Style.TITLE), Span("  first reading")], width))
        lines += [line((), width)] * (layout.header + layout.heading + layout.body - 1)
    else:
        lines += [
            title_line(frame, width, glyphs),
            load_line(frame, width, glyphs),
            view_line(view, len(rows), _total(frame, view), width, glyphs),
        ][: layout.header]
        lines += [_heading(columns, view, width, glyphs)] * layout.heading
        body = [_row(usage, columns, view, frame, width, glyphs) for usage in shown]
        lines += body or [line([Span(_why_empty(view), Style.FAINT)], width)][: layout.body]
        lines += [line((), width)] * (layout.header + layout.heading + layout.body - len(lines))
        if layout.notes:
            said = notes(shown, columns, frame.health, glyphs)
            lines.append(line([Span(" " + "   ".join(said), Style.WARNING)], width))
    lines += [_keys(view, width, glyphs)] * layout.keys
    return screen(lines, width, height)


def choose_columns(view: View, rows: Sequence[Usage], width: int) -> tuple[Column, ...]:
    """
    The columns that fit, with the width of the name and the image settled.

    The sort column is always among them.
    """
    name, rest = COLUMNS[0], list(COLUMNS[1:])
    rest = [column for column in rest if not column.wide or width >= _WIDE or _sorts(view, column)]

    def left_for_name() -> int:
        return width - 1 - sum(1 + column.width for column in rest)

    while rest and left_for_name() < name.width:
        droppable = [column for column in rest if not _sorts(view, column)]
        if not droppable:
            break
        rest.remove(max(droppable, key=lambda column: column.rank))
    longest = max((display_width(clean(title(usage))) for usage in rows), default=0)
    wanted = min(max(longest, name.width), _NAME_WIDTH)
    spare = max(0, left_for_name() - wanted)
    # What the name does not need goes to the last column where that is the image.
    if rest and rest[-1].key == "image":
        rest[-1] = replace(rest[-1], width=rest[-1].width + spare)
    return (replace(name, width=max(0, min(wanted, left_for_name()))), *rest)


def _heading(columns: Sequence[Column], view: View, width: int, glyphs: Glyphs) -> Line:
    spans = []
    for column in columns:
        if not _sorts(view, column):
            text = " " + fit(column.heading, column.width, right=column.right, ellipsis="")
            spans.append(Span(text, Style.HEADING))
            continue
        descending = column.descending is not view.reverse
        arrow = glyphs.descending if descending else glyphs.ascending
        # The arrow stands in the gap, or behind a heading that starts at the left.
        text = arrow + column.heading if column.right else f" {column.heading}{arrow}"
        text = fit(text, column.width + 1, right=column.right, ellipsis="")
        spans.append(Span(text, Style.SORTED))
    return line(spans, width, fill=Style.HEADING)


def _row(
    usage: Usage,
    columns: Sequence[Column],
    view: View,
    frame: Frame,
    width: int,
    glyphs: Glyphs,
) -> Line:
    selected = usage.cgroup.inode == view.selected
    spans = []
    for column in columns:
        cell = write_cell(column, usage, now=frame.wall_time, glyphs=glyphs)
        text = fit(cell.text, column.width, right=column.right, ellipsis=glyphs.ellipsis)
        spans.append(Span(" " + text, _STYLES[cell.level], selected))
    return line(spans, width, selected=selected)


def _keys(view: View, width: int, glyphs: Glyphs) -> Line:
    if view.draft is not None:
        draft = clean(view.draft, ascii_only=glyphs.ascii_only)
        return line(
            [
                Span(" filter: ", Style.KEY),
                Span(draft),
                Span(glyphs.cursor),
                Span("  Enter ", Style.KEY),
                Span("keep"),
                Span("  Esc ", Style.KEY),
                Span("give up"),
            ],
            width,
        )
    spans = []
    for key, word in footer_keys(glyphs):
        spans += [Span(f" {key} ", Style.KEY), Span(f"{word} ")]
    return line(spans, width)


def _help(view: View, width: int, height: int, glyphs: Glyphs) -> list[Line]:
    lines = help_lines(glyphs)
    page = page_size(view, height)
    first = max(0, min(view.help or 0, len(lines) - page))
    name_width = max(display_width(entry.name) for entry in lines)
    drawn = [line([Span(" agent top: help", Style.TITLE)], width, fill=Style.TITLE)]
    for entry in lines[first : first + page]:
        if entry.text:
            name = fit(entry.name, name_width)
            drawn.append(line([Span(f"   {name}  ", Style.KEY), Span(entry.text)], width))
        else:
            drawn.append(line([Span(f" {entry.name}", Style.STRONG)], width))
    drawn += [line((), width)] * (height - 1 - len(drawn))
    more = f"  {glyphs.up} {glyphs.down} for more" if page < len(lines) else ""
    drawn.append(line([Span(" ? ", Style.KEY), Span(f"back{more}")], width))
    return drawn


def _why_empty(view: View) -> str:
    if view.shown_filter:
        return " nothing matches the filter"
    if view.everything:
        return " no cgroup can be seen"
    return " no container is running here (a shows slices and services)"


def _total(frame: Frame, view: View) -> int:
    return len(select(frame.usages, parse_filter(""), everything=view.everything))


def _sorts(view: View, column: Column) -> bool:
    return column.key == view.sort
