"""Rows as an OpenMetrics page: a gauge for each field that is a number. Pure.

    # TYPE agent_top_cpu_cores gauge
    # UNIT agent_top_cpu_cores cores
    agent_top_cpu_cores{name="web",id="3f2a…"} 0.21 1760000000

What is not known has no sample; no limit is +Inf. These are the rates on the screen; for a server
that scrapes, the counters of `agent run` are what it wants.

Format: https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from agent.encodable import escaped
from agent.kernelfile import Unlimited
from agent.selection.field import Field, Unit
from agent.top.frame import Frame
from agent.top.row import Row

_UNITS: Final = {
    Unit.CORES: "cores",
    Unit.BYTES: "bytes",
    Unit.RATE: "bytes_per_second",
    Unit.RATIO: "ratio",
    Unit.SECONDS: "seconds",
}
_ESCAPES: Final = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


def openmetrics(frame: Frame, rows: Sequence[Row], fields: Sequence[Field]) -> str:
    """The whole page, "# EOF" included. Fields that are text are left out."""
    lines = [line for field in fields for line in _family(frame, rows, field)]
    return "\n".join([*lines, "# EOF"]) + "\n"


def _family(frame: Frame, rows: Sequence[Row], field: Field) -> Iterator[str]:
    if field.unit is Unit.TEXT:
        return
    unit = _UNITS.get(field.unit, "")
    name = "agent_top_" + field.name.replace(".", "_") + (f"_{unit}" if unit else "")
    yield f"# TYPE {name} gauge"
    if unit:
        yield f"# UNIT {name} {unit}"
    yield f"# HELP {name} {field.help.translate(_ESCAPES)}"
    for row in rows:
        value = row.value(field)
        if isinstance(value, Unlimited):
            value = float("inf")
        if isinstance(value, int | float):
            number = "+Inf" if value == float("inf") else repr(float(value))
            yield f"{name}{{{_labels(row)}}} {number} {frame.wall_time:.3f}"


def _labels(row: Row) -> str:
    labels = {"name": row.label}
    item = row.item
    if item is not None and item.container is not None:
        labels |= {"id": item.container.id}
    elif item is not None and item.cgroup is not None:
        labels |= {"id": item.cgroup.path}
    return ",".join(
        f'{key}="{escaped(value).translate(_ESCAPES)}"' for key, value in labels.items()
    )
