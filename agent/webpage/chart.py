"""A line chart and a sparkline as SVG text. Pure.

    chart(title, points, write=…)     points: (Unix seconds, value or None), oldest first

A value that is not known is a gap in the line, never 0. The scale begins at 0 and ends at the
largest value, or at `top` (a limit) where that is larger. Under it stand the times of its
beginning, middle and end, in the host's time zone, as those of `agent why --at` are. Points carry
their values as text for the pointer to show (`data-points`). No colour is written here: the page's
style has them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from html import escape
from typing import Final

import orjson

from agent.records import NamedTuple

Point = tuple[float, float | None]

_WIDTH, _HEIGHT = 320, 96
_SPARK_WIDTH, _SPARK_HEIGHT = 64, 16
_GRID: Final = f'<path class="grid" d="M{_WIDTH / 2:g} 0V{_HEIGHT}"/>'
_SECONDS_SHOWN: Final = 600.0
"""Seconds: shorter charts have seconds in their times."""
_ROOM: Final = 1.05
"""Above the highest value, so that its line is not cut in half."""


class Line(NamedTuple):
    """One line of a chart."""

    label: str
    points: Sequence[Point]


def chart(
    title: str,
    lines: Sequence[Line],
    write: Callable[[float], str],
    *,
    top: float | None = None,
    none: str = "not known",
) -> str:
    """
    A chart with its latest values beside the title; the text `none` where no value is known.

    `top`: a limit, drawn as a line of its own where it is not far above what is used.
    """
    values = [value for line in lines for _, value in line.points if value is not None]
    if not values:
        said = f"{escape(title)} {escape(none)}"
        return f'<figure class="chart"><figcaption>{said}</figcaption></figure>'
    highest = max(values)
    shown = top if top is not None and highest <= top <= highest * 10 else None
    peak = max(highest, shown or 0.0)
    scale = peak * _ROOM or 1.0
    latest = [f"{line.label} {_said(line.points[-1][1], write)}".strip() for line in lines]
    keys = " ".join(
        f'<span class="k{number}">{escape(text)}</span>' for number, text in enumerate(latest)
    )
    drawn = "".join(
        f'<path class="l{number}" d="{_path(line.points, scale, _WIDTH, _HEIGHT)}"/>'
        for number, line in enumerate(lines)
    )
    if shown is not None:
        height = _round(_HEIGHT * (1 - shown / scale))
        drawn += f'<path class="limit" d="M0 {height}H{_WIDTH}"/>'
    data = orjson.dumps(
        [
            [
                line.label,
                [round(at) for at, _ in line.points],
                [_said(v, write) for _, v in line.points],
            ]
            for line in lines
        ]
    ).decode()
    return (
        f"<figure class=\"chart\" data-points='{_single_quoted(data)}'><figcaption>{escape(title)}"
        f" <b>{keys}</b><i>{escape(write(peak))}</i></figcaption>"
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" preserveAspectRatio="none" role="img"'
        f' aria-label="{escape(title)}: {escape(", ".join(latest))}">{_GRID}{drawn}</svg>'
        f"{_axis(lines[0].points)}</figure>"
    )


def _axis(points: Sequence[Point]) -> str:
    """The time line: text of the page and not of the picture, which is stretched to its width."""
    begin, end = points[0][0], points[-1][0]
    form = "%H:%M:%S" if end - begin < _SECONDS_SHOWN else "%H:%M"
    times = [time.localtime(at) for at in (begin, (begin + end) / 2, end)]
    marks = "".join(f"<time>{time.strftime(form, at)}</time>" for at in times)
    return f'<p class="axis" data-zone="{times[-1].tm_gmtoff}">{marks}</p>'


def sparkline(points: Sequence[Point], top: float) -> str:
    """A small line without words, its scale at least to `top`; "" with fewer than two values."""
    values = [value for _, value in points if value is not None]
    if len(values) < 2:
        return ""
    scale = max(*values, top) * _ROOM or 1.0
    return (
        f'<svg class="spark" viewBox="0 0 {_SPARK_WIDTH} {_SPARK_HEIGHT}" aria-hidden="true">'
        f'<path d="{_path(points, scale, _SPARK_WIDTH, _SPARK_HEIGHT)}"/></svg>'
    )


def _path(points: Sequence[Point], scale: float, width: int, height: int) -> str:
    begin, end = points[0][0], points[-1][0]
    length = (end - begin) or 1.0
    parts, pen = [], "M"
    for at, value in points:
        if value is None:
            pen = "M"
            continue
        x, y = _round(width * (at - begin) / length), _round(height * (1 - value / scale))
        # A lone value between two gaps is drawn as a dot.
        parts.append(f"{pen}{x} {y}" + ("h0" if pen == "M" else ""))
        pen = "L"
    return "".join(parts)


def _said(value: float | None, write: Callable[[float], str]) -> str:
    return "–" if value is None else write(value)


def _single_quoted(text: str) -> str:
    """JSON is full of double quotes, which would be six bytes each."""
    return escape(text, quote=False).replace("'", "&#39;")


def _round(number: float) -> str:
    return f"{number:.1f}".rstrip("0").rstrip(".")
