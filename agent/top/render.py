"""Frame and View → Screen. Pure: the same facts and choices give the same screen, at any size."""

from __future__ import annotations

from collections.abc import Sequence

from agent.selection.field import Unit
from agent.selection.fields import find_field
from agent.top.cells import Level, write_cell
from agent.top.column import Column
from agent.top.footer import key_line, note_line
from agent.top.frame import Frame
from agent.top.glyphs import Glyphs
from agent.top.header import load_line, title_line, view_line
from agent.top.layout import Layout, choose_columns, lay_out, sorts
from agent.top.notes import notes
from agent.top.panel import Panel, draw_panel
from agent.top.prompt import Choice
from agent.top.row import Row
from agent.top.rows import select, totals
from agent.top.screen import Line, Screen, Span, Style, line, screen
from agent.top.view import View, settle
from agent.top.width import fit

_STYLES = {
    Level.NORMAL: Style.PLAIN,
    Level.FAINT: Style.FAINT,
    Level.NOTICE: Style.NOTICE,
    Level.WARNING: Style.WARNING,
    Level.CRITICAL: Style.CRITICAL,
}


def render(
    frame: Frame | None,
    rows: Sequence[Row],
    view: View,
    width: int,
    height: int,
    glyphs: Glyphs,
    *,
    panel: Panel | None = None,
    choices: Sequence[Choice] = (),
) -> Screen:
    """
    The screen of `width` x `height` columns; each may be 0.

    `rows` are `rows_of(frame, view)`, which the caller has anyway. `frame` is None until there is
    one. `panel` is drawn in place of the table; `choices` are those of the menu that is open.
    """
    width, height = max(0, width), max(0, height)
    if panel is not None:
        return draw_panel(panel, view, width, height, glyphs)
    layout = lay_out(height)
    if frame is None:
        first = line([Span(" agent top", Style.TITLE), Span("  first reading")], width)
        return screen([first], width, height)
    view = settle(view, [row.key for row in rows], layout.body)
    shown = list(rows[view.offset : view.offset + layout.body])
    columns = choose_columns(view, rows, width, glyphs)
    lines = _above(frame, rows, view, columns, layout, width, glyphs)
    body = [_row(row, columns, view, width, glyphs) for row in shown]
    if not body:
        body = [line([Span(_why_empty(view), Style.FAINT)], width)][: layout.body]
    lines += body + [line((), width)] * (layout.body - len(body))
    if layout.totals:
        lines.append(_totals(rows, columns, width, glyphs))
    if layout.notes:
        said = notes(shown, columns, frame.health, glyphs)
        lines.append(note_line(view, said, width, glyphs))
    lines += [key_line(view, choices, width, glyphs)] * layout.keys
    return screen(lines, width, height)


def _above(
    frame: Frame,
    rows: Sequence[Row],
    view: View,
    columns: Sequence[Column],
    layout: Layout,
    width: int,
    glyphs: Glyphs,
) -> list[Line]:
    count = sum(not row.is_group or row.collapsed for row in rows)
    count += sum(len(row.items) - 1 for row in rows if row.is_group and row.collapsed)
    total = len(select(frame.items, "", everything=view.everything, faults=False))
    lines = [
        title_line(frame, view, width, glyphs),
        load_line(frame, width, glyphs),
        view_line(view, count, total, width, glyphs),
    ][: layout.header]
    return lines + [_heading(columns, view, width, glyphs)] * layout.heading


def _heading(columns: Sequence[Column], view: View, width: int, glyphs: Glyphs) -> Line:
    spans = []
    for column in columns:
        if not sorts(view, column):
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


def _row(row: Row, columns: Sequence[Column], view: View, width: int, glyphs: Glyphs) -> Line:
    selected = row.key == view.selected
    spans = []
    for column in columns:
        cell = write_cell(column, row, glyphs)
        text = fit(cell.text, column.width, right=column.right, ellipsis=glyphs.ellipsis)
        style = _STYLES[cell.level]
        if row.is_group and style is Style.PLAIN:
            style = Style.STRONG
        spans.append(Span(" " + text, style, selected))
    return line(spans, width, selected=selected)


def _totals(rows: Sequence[Row], columns: Sequence[Column], width: int, glyphs: Glyphs) -> Line:
    """The sums, where there is more than one row to sum."""
    row = totals(rows)
    if len(row.items) < 2:
        return line((), width)
    spans = []
    for column in columns:
        if column.key == "name":
            text = f"{glyphs.total} {len(row.items)}"
        elif column.kind in ("state", "why") or find_field(column.fields[0]).unit is Unit.TEXT:
            text = ""
        else:
            text = write_cell(column, row, glyphs).text
        text = fit(text, column.width, right=column.right, ellipsis=glyphs.ellipsis)
        spans.append(Span(" " + text, Style.TOTAL))
    return line(spans, width, fill=Style.TOTAL)


def _why_empty(view: View) -> str:
    if view.faults and not view.shown_filter:
        return " nothing is wrong with any container (f shows them all)"
    if view.shown_filter:
        return " nothing fits the filter"
    if view.everything:
        return " no cgroup can be seen"
    return " no container is running here (a shows slices and services)"
