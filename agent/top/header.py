"""The lines above the table: the machine, this program, and what is shown."""

from __future__ import annotations

import time

from agent import units
from agent.top.column import Marks
from agent.top.columns import SHARE, STALL, find_column
from agent.top.frame import Frame
from agent.top.glyphs import Glyphs
from agent.top.screen import Line, Span, Style, line
from agent.top.sets import SETS, with_host
from agent.top.spark import spark
from agent.top.trend import STEPS
from agent.top.view import View
from agent.top.width import clean, cut, display_width
from agent.usage import HostUsage

_GAP = Span("  ")
_TREND_FROM = 100
"""Columns from which on there is room for the host's sparkline."""


def title_line(frame: Frame, view: View, width: int, glyphs: Glyphs) -> Line:
    """The machine on the left, the clock on the right."""
    host = frame.host
    left = [
        Span(" agent top", Style.TITLE),
        Span("  " + clean(frame.hostname, ascii_only=glyphs.ascii_only), Style.STRONG),
    ]
    if host.uptime is not None:
        left.append(Span(f"  up {units.human_duration(host.uptime)}"))
    left.append(Span(f"  {host.cores} cores"))
    if host.memory_total is not None:
        left.append(Span(f"  {units.human_size(host.memory_total)}"))
    right = _clock(frame, view, glyphs)
    space = width - _width(left) - _width(right)
    if space < 2:
        # The past must not pass for the present, however little room there is.
        if view.at is None:
            return line(left, width)
        left, space = left[:1], max(1, width - _width(left[:1]) - _width(right))
    return line([*left, Span(" " * space), *right], width)


def load_line(frame: Frame, width: int, glyphs: Glyphs) -> Line:
    """CPU, memory and pressure of the machine, OOM kills, and this program's own cost."""
    host = frame.host
    cpu = [Span(" CPU ", Style.FAINT)]
    if width >= _TREND_FROM and any(value is not None for value in frame.host_trend):
        cpu.append(Span(spark(frame.host_trend, 1.0, STEPS, glyphs) + " "))
    segments = [
        [*cpu, *_cpu(host, glyphs)],
        [Span("MEM ", Style.FAINT), *_memory(host, glyphs)],
        [Span("PSI ", Style.FAINT), *_pressure(host, glyphs)],
    ]
    # A pod's own cgroup counts its containers' kills once more.
    killed = sum(
        item.usage.oom_kills_total or 0
        for item in frame.items
        if item.is_container and item.usage is not None
    )
    if killed:
        segments.append([Span(f"OOM kills {killed}", Style.CRITICAL)])
    if frame.own is not None:
        segments.append(_own(frame, glyphs))
    return _joined(segments, width)


def view_line(view: View, shown: int, total: int, width: int, glyphs: Glyphs) -> Line:
    """What is listed, in which order, and how many of how many."""
    column = find_column(view.sort)
    arrow = glyphs.descending if column.descending is not view.reverse else glyphs.ascending
    segments = [
        [Span(" everything" if view.everything else " containers", Style.STRONG)],
        [Span("sort ", Style.FAINT), Span(f"{column.key}{arrow}")],
    ]
    if view.faults:
        segments.insert(1, [Span("faults only", Style.WARNING)])
    if view.group:
        segments.append([Span("group ", Style.FAINT), Span(view.group)])
    named = next(
        (each.name for each in SETS if view.columns in (each.columns, with_host(each.columns))),
        "own",
    )
    if named != SETS[0].name:
        segments.append([Span("columns ", Style.FAINT), Span(named)])
    if view.shown_filter:
        text = clean(view.shown_filter, ascii_only=glyphs.ascii_only)
        segments.append(
            [Span("filter ", Style.FAINT), Span(cut(text, 40, glyphs.ellipsis), Style.STRONG)]
        )
    segments.append([Span(f"{shown} of {total}", Style.FAINT)])
    return _joined(segments, width)


def _clock(frame: Frame, view: View, glyphs: Glyphs) -> list[Span]:
    if view.at is None:
        return [
            Span(f"{frame.clock}  "),
            Span(glyphs.live, Style.GOOD),
            Span(f" every {frame.delay:g}s "),
        ]
    day = time.strftime("%Y-%m-%d ", time.localtime(frame.wall_time))
    return [Span(f"{glyphs.paused} {day}{frame.clock} ", Style.PAUSED)]


def _cpu(host: HostUsage, glyphs: Glyphs) -> list[Span]:
    if host.cpu_ratio is None:
        return [Span(f"{glyphs.unknown}/{host.cores}")]
    used = units.human_cores(host.cpu_ratio * host.cores)
    return [
        Span(f"{used}/{host.cores} "),
        _percent(host.cpu_ratio, SHARE, "%"),
    ]


def _memory(host: HostUsage, glyphs: Glyphs) -> list[Span]:
    if not host.memory_total or host.memory_available is None:
        return [Span(glyphs.unknown)]
    used = host.memory_total - host.memory_available
    return [
        Span(f"{units.human_size(used)}/{units.human_size(host.memory_total)} "),
        _percent(used / host.memory_total, SHARE, "%"),
    ]


def _pressure(host: HostUsage, glyphs: Glyphs) -> list[Span]:
    spans: list[Span] = []
    for name, ratio in (
        ("cpu", host.cpu_pressure_some),
        (" mem", host.memory_pressure_some),
        (" io", host.io_pressure_some),
    ):
        spans.append(Span(f"{name} "))
        spans.append(Span(glyphs.unknown) if ratio is None else _percent(ratio, STALL))
    return spans


def _own(frame: Frame, glyphs: Glyphs) -> list[Span]:
    assert frame.own is not None
    cpu, memory = frame.own
    sweep = sum(source.seconds for source in frame.health)
    failed = sum(source.failures for source in frame.health)
    parts = [
        glyphs.unknown if cpu is None else f"{cpu * 100:.1f}%",
        glyphs.unknown if memory is None else units.human_size(memory),
        f"{sweep * 1000:.0f}ms",
    ]
    spans = [Span("agent ", Style.FAINT), Span(" ".join(parts))]
    if failed:
        spans.append(Span(f" {glyphs.warning}{failed}", Style.WARNING))
    return spans


def _percent(ratio: float, marks: Marks, unit: str = "") -> Span:
    style = Style.PLAIN
    if ratio >= marks.critical:
        style = Style.CRITICAL
    elif ratio >= marks.warning:
        style = Style.WARNING
    return Span(units.human_percent(ratio) + unit, style)


def _joined(segments: list[list[Span]], width: int) -> Line:
    """Segments with gaps between them; one that does not fit is left out with all after it."""
    spans: list[Span] = []
    for segment in segments:
        gap = [_GAP] if spans else []
        if _width(spans) + _width(gap) + _width(segment) > width and spans:
            break
        spans += [*gap, *segment]
    return line(spans, width)


def _width(spans: list[Span]) -> int:
    return sum(display_width(span.text) for span in spans)
