"""`agent top` without a terminal: tables, documents, lines, pages and pictures."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from agent.cli.exits import ERROR, OK
from agent.records import replace

if TYPE_CHECKING:
    from agent.model import Snapshot
    from agent.past import Past
    from agent.top.feed import Maker, Read, Source
    from agent.top.frame import Frame
    from agent.top.glyphs import Glyphs
    from agent.top.row import Row
    from agent.top.view import View

_NOT_YET: Final = "cpu.trend"
"""Not in a table that is printed: a minute has not passed."""
_WIDE: Final = ("runtime", "image")
"""Only with --wide: a line that is printed is not cut to the terminal."""


def show(arguments: argparse.Namespace, view: View, source: Source[Snapshot]) -> int:
    """Print this host once, `-n` times, or with `-b` until nobody reads any more."""
    from agent.top.making import FrameMaker

    return show_frames(arguments, view, source, FrameMaker(arguments.delay))


def show_frames(
    arguments: argparse.Namespace,
    view: View,
    source: Source[Read],
    maker: Maker[Read],
    *,
    at_once: bool = False,
) -> int:
    """
    The same of whatever `maker` makes of what `source` gives.

    at_once: what is read first has rates already.
    """
    due = time.monotonic()
    if not at_once:
        maker.next(source.snapshot())
        due += arguments.delay
    put = _printer(arguments, view)
    number, last = 0, arguments.count or (0 if arguments.batch else 1)
    while not last or number < last:
        time.sleep(max(0.0, due - time.monotonic()))
        due += arguments.delay
        frame = maker.next(source.snapshot())
        put(frame, _rows(frame, view, arguments.top), number)
        sys.stdout.flush()
        number += 1
    return OK


def show_moment(
    arguments: argparse.Namespace, view: View, past: Past, at: float, *, hostname: str
) -> int:
    """Print one moment of the past."""
    from agent.top.making import frame_at

    frame = frame_at(past, at, hostname=hostname, delay=arguments.delay)
    if frame is None:
        print("agent top: that moment cannot be read", file=sys.stderr)
        return ERROR
    show_frame(arguments, view, frame)
    return OK


def show_frame(arguments: argparse.Namespace, view: View, frame: Frame) -> None:
    """Print one frame."""
    _printer(arguments, view)(frame, _rows(frame, view, arguments.top), 0)


def _rows(frame: Frame, view: View, top: int | None) -> list[Row]:
    """All rows, or the first `top`: of groups the first groups, with all that is in them."""
    from agent.top.rows import rows_of

    rows = rows_of(frame, view)
    if top is None:
        return rows
    if not view.group:
        return rows[:top]
    heads = [place for place, row in enumerate(rows) if row.is_group]
    return rows[: heads[top]] if len(heads) > top else rows


def _printer(arguments: argparse.Namespace, view: View) -> Callable[[Frame, list[Row], int], None]:
    from agent.top.glyphs import ASCII, glyphs_for

    glyphs = ASCII if arguments.ascii else glyphs_for(sys.stdout.encoding)
    match arguments.output:
        case "json":
            return _print_json
        case "jsonl" | "csv" | "openmetrics":
            return _flat_printer(arguments, view)
        case "svg":
            return lambda frame, rows, _: _print_svg(frame, rows, view, arguments.size)
        case _:
            if not arguments.fields:
                left_out = (_NOT_YET,) if arguments.wide else (_NOT_YET, *_WIDE)
                view = replace(view, columns=tuple(c for c in view.columns if c not in left_out))
            return _table_printer(view, glyphs, headers=not arguments.no_headers)


def _print_json(frame: Frame, rows: list[Row], _number: int) -> None:
    from agent.top.document import document

    items = [item for row in rows if not row.is_group for item in row.items]
    sys.stdout.write(document(frame, items) + "\n")


def _flat_printer(
    arguments: argparse.Namespace, view: View
) -> Callable[[Frame, list[Row], int], None]:
    from agent.cli.top_view import field_names
    from agent.selection.fields import find_field
    from agent.top import flat
    from agent.top.openmetrics import openmetrics

    names = field_names(arguments.fields) if arguments.fields else flat.DEFAULT
    fields = [find_field(name) for name in names]

    def put(frame: Frame, rows: list[Row], number: int) -> None:
        told = flat.records(rows)
        if arguments.output == "openmetrics":
            sys.stdout.write(openmetrics(frame, told, fields))
        elif arguments.output == "jsonl":
            sys.stdout.write(flat.json_lines(frame, told, fields))
        else:
            if not number and not arguments.no_headers:
                sys.stdout.write(flat.csv_header(fields, grouped=bool(view.group)))
            sys.stdout.write(flat.csv_lines(frame, told, fields))

    return put


def _print_svg(frame: Frame, rows: list[Row], view: View, size: tuple[int, int]) -> None:
    from agent.top.glyphs import UNICODE
    from agent.top.render import render
    from agent.top.svg import svg

    picture = svg(render(frame, rows, view, *size, UNICODE), title="agent top")
    # A picture is UTF-8, whatever the terminal can show.
    sys.stdout.buffer.write(picture.encode())


def _table_printer(
    view: View, glyphs: Glyphs, *, headers: bool
) -> Callable[[Frame, list[Row], int], None]:
    from agent.top.columns import find_column
    from agent.top.notes import notes
    from agent.top.text import table_text

    columns = [find_column(key) for key in view.columns]

    def put(frame: Frame, rows: list[Row], number: int) -> None:
        if number:
            sys.stdout.write("\n")
        sys.stdout.write(table_text(rows, columns, glyphs=glyphs, headers=headers))
        sys.stdout.flush()
        for note in notes(rows, columns, frame.health, glyphs):
            print(f"agent top: {note}", file=sys.stderr)

    return put
