"""The lines above the table: the machine, what is shown, and what could not be read. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from agent import units
from agent.model import SourceHealth
from agent.top.column import Marks
from agent.top.columns import COLUMNS, SHARE, STALL
from agent.top.glyphs import UNICODE
from agent.top.notes import notes
from agent.top.row import Row
from agent.usage import HostUsage
from agent.webpage.request import View
from agent.webpage.table import KEYS

_NOT_KNOWN = "–"


def header(hostname: str, host: HostUsage, *, ill: int, containers: int) -> str:
    """The machine at a glance. `ill`: containers with which something is wrong; a
    notice is no fault."""
    facts = [f"{host.cores} CPUs"]
    if host.uptime is not None:
        facts.insert(0, f"up {units.human_duration(host.uptime)}")
    stalls = "".join(
        f" {name} {_share(ratio, STALL)}"
        for name, ratio in (
            ("cpu", host.cpu_pressure_some),
            ("mem", host.memory_pressure_some),
            ("io", host.io_pressure_some),
        )
    )
    word = "critical" if ill else "good"
    of = f"{units.plural(containers, 'container')}, " if containers else "no container runs here"
    trouble = "" if not containers else f'<b class="{word}">{ill} with a finding</b>'
    return (
        f'<header><h1><a href="/">agent</a> {escape(hostname)}</h1><p>{", ".join(facts)}</p>'
        f"<p>CPU {_cpu(host)}</p><p>MEM {_memory(host)}</p><p>PSI{stalls}</p>"
        f"<p>{of}{trouble}</p></header>"
    )


def degraded(lacking: Sequence[str]) -> str:
    """What of the agent does not work, as /readyz says it; "" where all does."""
    said = "".join(f"<li>{escape(each)}</li>" for each in lacking)
    if not said:
        return ""
    return f'<section class="warning">The agent is degraded:<ul>{said}</ul></section>'


def filter_form(view: View) -> str:
    """The filter, whose language is that of `agent top`."""
    kept = "".join(
        f'<input type="hidden" name="{name}" value="{escape(value)}">'
        for name, value in (("sort", view.sort), ("reverse", "1" if view.reverse else ""))
        if value
    )
    checked = " checked" if view.everything else ""
    return (
        f'<form action="/" id="filter">{kept}<input type="search" name="filter"'
        f' aria-label="filter" placeholder="filter: web, ns=shop, cpu&gt;1, !kube-"'
        f' value="{escape(view.filter)}"><label><input type="checkbox" name="all"'
        f' value="1"{checked}> all cgroups</label><button>show</button></form>'
    )


def footer(rows: Sequence[Row], health: Sequence[SourceHealth]) -> str:
    """What the markers in the table stand for just now."""
    shown = [column for column in COLUMNS if column.key in KEYS]
    said = "".join(f"<li>{escape(note)}</li>" for note in notes(rows, shown, health, UNICODE))
    return f"<footer><ul>{said}</ul></footer>" if said else ""


def _cpu(host: HostUsage) -> str:
    return _share(host.cpu_ratio, SHARE, "%")


def _memory(host: HostUsage) -> str:
    if not host.memory_total or host.memory_available is None:
        return _NOT_KNOWN
    used = host.memory_total - host.memory_available
    share = _share(used / host.memory_total, SHARE, "%")
    return f"{units.human_size(used)} of {units.human_size(host.memory_total)} {share}"


def _share(ratio: float | None, marks: Marks, unit: str = "") -> str:
    if ratio is None:
        return _NOT_KNOWN
    word = "plain"
    if ratio >= marks.critical:
        word = "critical"
    elif ratio >= marks.warning:
        word = "warning"
    return f'<b class="{word}">{units.human_percent(ratio)}{unit}</b>'
