"""The table: the same columns, texts and colours as `agent top` has, as HTML. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from agent.diagnosis.finding import Finding
from agent.top.cells import Level, write_cell
from agent.top.column import Column
from agent.top.columns import BY_KEY
from agent.top.glyphs import UNICODE
from agent.top.row import Row
from agent.webpage.chart import sparkline
from agent.webpage.detail import sign
from agent.webpage.past import Past, points
from agent.webpage.request import DEFAULT_SORT, View

KEYS = (
    "name",
    "state",
    "cpu",
    "cpu.of_limit",
    "cpu.throttled",
    "mem",
    "mem.of_limit",
    "psi",
    "net",
    "disk",
    "pids",
)
_IMAGE = BY_KEY["image"]
_LEAST_SCALE = 0.05
"""Cores. What uses next to nothing is a line at the bottom."""
_LEVELS = {Level.FAINT: "faint", Level.WARNING: "warning", Level.CRITICAL: "critical"}


def table(rows: Sequence[Row], past: Past, view: View) -> str:
    """Rows in the order wanted."""
    columns = [BY_KEY[key] for key in KEYS]
    head = "".join(_heading(column, view) for column in columns)
    why = _sort_link(view, DEFAULT_SORT, "WHY", "what is wrong, the worst first")
    head += f'<th class="why" scope="col">{why}</th>'
    body = "".join(_row(row, columns, past, view) for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _heading(column: Column, view: View) -> str:
    link = _sort_link(view, column.key, column.heading, column.says)
    shown = f'<th scope="col"{_right(column)}>{link}</th>'
    return shown + '<th scope="col" class="spark">60s</th>' if column.key == "cpu" else shown


def _sort_link(view: View, key: str, heading: str, text: str) -> str:
    sorted_by = view.sort == key
    link = view.link(sort=key, reverse=sorted_by and not view.reverse)
    arrow = "" if not sorted_by else " ▲" if view.reverse else " ▼"
    return f'<a href="{escape(link)}" title="{escape(text)}">{escape(heading)}{arrow}</a>'


def _row(row: Row, columns: Sequence[Column], past: Past, view: View) -> str:
    item = row.items[0]
    inode = None if item.cgroup is None else item.cgroup.inode
    cells = []
    for column in columns:
        cell = write_cell(column, row, UNICODE)
        text = escape(cell.text)
        if column.key == "name":
            image = escape(write_cell(_IMAGE, row, UNICODE).text)
            if inode is not None:
                link = escape(view.link(container=inode))
                text = f'<a href="{link}" title="{image}">{text}</a>'
            cells.append(f'<th scope="row">{text}</th>')
            continue
        level = _LEVELS.get(cell.level)
        classes = " ".join(name for name in ("r" if column.right else "", level or "") if name)
        cells.append(f'<td class="{classes}">{text}</td>' if classes else f"<td>{text}</td>")
        if column.key == "cpu":
            limit = None if item.usage is None else item.usage.cpu_limit_cores
            of = () if inode is None else past.get(inode, ())
            line = sparkline(
                points(of, lambda one: one.cpu_cores),
                limit if isinstance(limit, float) else _LEAST_SCALE,
            )
            cells.append(f'<td class="spark">{line}</td>')
    return f'<tr>{"".join(cells)}<td class="why">{_why(item.findings)}</td></tr>'


def _why(findings: Sequence[Finding]) -> str:
    if not findings:
        return ""
    worst = findings[0]
    more = f" <i>+{len(findings) - 1}</i>" if len(findings) > 1 else ""
    word = worst.severity.word
    return f'<span class="{word}">{sign(worst.severity)} {escape(worst.summary)}</span>{more}'


def _right(column: Column) -> str:
    return ' class="r"' if column.right else ""
