"""Rows as flat records for scripts: JSON lines and CSV, one record for each row. Pure.

    {"schema_version": 1, "time": 1760000000.0, "name": "web", "cpu": 0.21, "mem.limit": 67108864}

The names are those of `agent.selection.fields`, numbers are in base units (cores, bytes, seconds,
ratios). What is not known is null (CSV: empty), no limit is "unlimited", and neither is ever 0.
Of groups there is one record each, with their sums, and "containers" tells of how many.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Final

import orjson

from agent.encodable import escaped
from agent.kernelfile import Unlimited
from agent.selection.field import Field
from agent.selection.item import Value
from agent.top.frame import Frame
from agent.top.row import Row
from agent.usage import Unknown

SCHEMA_VERSION: Final = 1
DEFAULT: Final = (
    *("name", "state", "cpu", "cpu.of_limit", "cpu.throttled", "mem", "mem.of_limit"),
    *("psi.cpu", "psi.mem", "psi.io", "net.rx", "net.tx", "disk.read", "disk.write", "pids"),
    *("trouble", "severity", "rule", "why"),
)
"""The fields of a record where none are named."""
CONTAINERS: Final = "containers"


def records(rows: Iterable[Row]) -> list[Row]:
    """The rows that are records: containers, or the groups where there are any."""
    every = list(rows)
    heads = [row for row in every if row.is_group]
    return heads or every


def json_lines(frame: Frame, rows: Sequence[Row], fields: Sequence[Field]) -> str:
    """One line each."""
    out = []
    for row in rows:
        body: dict[str, str | float | None] = {
            "schema_version": SCHEMA_VERSION,
            "time": frame.wall_time,
        }
        if row.is_group:
            body[CONTAINERS] = len(row.items)
        body |= {field.name: _value(row, field) for field in fields}
        out.append(orjson.dumps(body).decode() + "\n")
    return "".join(out)


def csv_header(fields: Sequence[Field], *, grouped: bool) -> str:
    """The first line."""
    return _csv_line(
        ["time", *([CONTAINERS] if grouped else []), *(field.name for field in fields)]
    )


def csv_lines(frame: Frame, rows: Sequence[Row], fields: Sequence[Field]) -> str:
    """One line each, in the order of `csv_header`."""
    return "".join(
        _csv_line(
            [
                frame.wall_time,
                *([len(row.items)] if row.is_group else []),
                *(_value(row, field) for field in fields),
            ]
        )
        for row in rows
    )


def _csv_line(cells: Sequence[str | float | None]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow("" if cell is None else cell for cell in cells)
    return out.getvalue()


def _value(row: Row, field: Field) -> str | float | None:
    if field.name == "name":
        return escaped(row.label)
    value: Value = row.value(field)
    if isinstance(value, Unknown):
        return None
    if isinstance(value, Unlimited):
        return "unlimited"
    return escaped(value) if isinstance(value, str) else value
