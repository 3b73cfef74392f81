"""Sparklines: a minute in a few signs. Pure."""

from __future__ import annotations

from agent.selection.item import Trend
from agent.top.glyphs import Glyphs


def spark(trend: Trend, whole: float, width: int, glyphs: Glyphs) -> str:
    """
    The last `width` steps of `trend`, the newest on the right, as bars of `whole`.

    What was not measured is a space; what was, a bar, however low: nothing known looks absent.
    """
    bars = glyphs.bars
    steps = list(trend[-width:])
    drawn = [
        " "
        if value is None
        else bars[max(1, min(round(value / whole * (len(bars) - 1)), len(bars) - 1))]
        if whole > 0
        else bars[1]
        for value in steps
    ]
    return " " * (width - len(drawn)) + "".join(drawn)


def whole_of(trend: Trend, limit: float | None, least: float) -> float:
    """What a full bar stands for: the limit, else the most there was, at least `least`."""
    if limit:
        return limit
    return max((value for value in trend if value is not None), default=0.0) or least
