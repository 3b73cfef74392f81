"""The processes of a container as a panel. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from agent import units
from agent.top.glyphs import Glyphs
from agent.top.panel import Panel
from agent.top.processes import Process
from agent.top.screen import Span, Style
from agent.top.width import clean, fit

T = TypeVar("T")

_HEADINGS: Final[tuple[tuple[str, int], ...]] = (
    *(("PID", 7), ("INSIDE", 6), ("CPU", 5), ("RSS", 5), ("PSS", 5)),
    *(("THR", 4), ("FDS", 4), ("STATE", 8), ("WAITS IN", 18), ("COMMAND", 0)),
)
_LEFT: Final = frozenset({"STATE", "WAITS IN", "COMMAND"})


def process_panel(
    title: str, found: Sequence[Process] | None, said: str, glyphs: Glyphs, *, proportional: bool
) -> Panel:
    """`found` is None until there was a first look; `said` is why there is nothing."""
    keys = (("P", "PSS off" if proportional else "PSS"),)
    if found is None:
        lines: list[tuple[Span, ...]] = [(Span(" looking", Style.FAINT),)]
    elif not found:
        text = clean(said, ascii_only=glyphs.ascii_only) or "no process is in it"
        lines = [(Span(f" {text}", Style.FAINT),)]
    else:
        columns = [each for each in _HEADINGS if proportional or each[0] != "PSS"]
        heading = "".join(f" {_fit(name, name, width)}" for name, width in columns)
        lines = [(Span(heading, Style.STRONG),)]
        lines += [
            tuple(
                Span(f" {_fit(name, _cell(one, name, glyphs), width)}", _style(one, name))
                for name, width in columns
            )
            for one in found
        ]
    return Panel(f"processes of {title}", lines, keys=keys)


def _fit(name: str, text: str, width: int) -> str:
    return fit(text, width, right=name not in _LEFT) if width else text


def _cell(one: Process, name: str, glyphs: Glyphs) -> str:
    match name:
        case "PID":
            return str(one.pid)
        case "INSIDE":
            return _or(one.pid_inside, str, glyphs.unknown)
        case "CPU":
            return _or(one.cores, units.human_cores, glyphs.unknown)
        case "RSS":
            return _or(one.resident, units.human_size, glyphs.denied)
        case "PSS":
            return _or(one.proportional, units.human_size, glyphs.denied)
        case "THR":
            return _or(one.threads, units.human_count, glyphs.unknown)
        case "FDS":
            return _or(one.files, units.human_count, glyphs.denied)
        case "STATE":
            return one.state
        case "WAITS IN":
            return clean(one.waits_in, ascii_only=glyphs.ascii_only)
        case _:
            return clean(one.command, ascii_only=glyphs.ascii_only)


def _style(one: Process, name: str) -> Style:
    if one.state in ("disk-sleep", "zombie") and name == "STATE":
        return Style.WARNING
    return Style.STRONG if name == "CPU" and (one.cores or 0.0) >= 0.5 else Style.PLAIN


def _or(value: T | None, write: Callable[[T], str], absent: str) -> str:
    return absent if value is None else write(value)
