"""What every dashboard must be. `lint` says what is wrong, one sentence per fault.

The rules are those of Grafana's dashboard-linter, made stricter where the well-known dashboards
fail: a description on every panel, no fixed rate window, no irate, no plugin panels, no counter
drawn raw, every selector bound to the drop-downs.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Final, cast

from dashboards.listing import Json, expressions, members

CORE_PANELS: Final = frozenset({"row", "stat", "table", "timeseries", "state-timeline", "text"})
"""Panels every Grafana has. No Angular (`graph`, `singlestat`), no plugins."""
COUNTERS_WITHOUT_TOTAL: Final = frozenset({"container_memory_failcnt"})

_RANGE: Final = re.compile(r"\[([^\]]*)\]")
_METRIC: Final = re.compile(r"\b([a-z0-9_]+)\{([^}]*)\}(\[?)")
_USED_VARIABLE: Final = re.compile(r"\$\{?([a-z]\w*)")
_WINDOWS: Final = {"$__rate_interval", "$__range"}


def lint(board: Json) -> list[str]:
    """Faults of `board`; empty when there are none."""
    return [
        *_board(board),
        *_variables(board),
        *(fault for panel in members(board, "panels") for fault in _panel(panel)),
        *_grid(board),
        *(fault for title, expr in expressions(board) for fault in _expression(title, expr)),
    ]


def metrics(board: Json) -> set[str]:
    """Every metric name the queries and the drop-downs ask for."""
    texts = [expr for _, expr in expressions(board)] + [q for _, q in _variable_queries(board)]
    return set(re.findall(r"\b(?:container|machine|agent)_[a-z0-9_]+\b", " ".join(texts)))


def _board(board: Json) -> Iterator[str]:
    for key in ("uid", "title", "description", "tags", "refresh"):
        if not board.get(key):
            yield f"the dashboard has no {key}"
    if len(str(board.get("uid", ""))) > 40:
        yield "the uid is over 40 characters, which Grafana refuses"
    if cast(int, board.get("schemaVersion", 0)) < 39:
        yield "schemaVersion is under 39"
    if board.get("id") is not None:
        yield "the dashboard has an id of its own: only the uid may identify it"


def _variables(board: Json) -> Iterator[str]:
    variables = members(cast(Json, board.get("templating", {})), "list")
    names = [str(variable["name"]) for variable in variables]
    if not variables or variables[0].get("type") != "datasource":
        yield "the first variable is not the data source"
    for variable in variables:
        for key in ("label", "description"):
            if not variable.get(key):
                yield f"variable {variable['name']} has no {key}"
    used = {
        name
        for _, text in [*expressions(board), *_variable_queries(board)]
        for name in _USED_VARIABLE.findall(text)
    }
    for name in sorted(used - set(names)):
        yield f"${name} is used and not defined"
    for name in sorted(set(names) - used - {"datasource"}):
        yield f"${name} is defined and not used"


def _variable_queries(board: Json) -> Iterator[tuple[str, str]]:
    for variable in members(cast(Json, board.get("templating", {})), "list"):
        if variable.get("type") == "query":
            yield str(variable["name"]), str(cast(Json, variable["query"])["query"])


def _panel(panel: Json) -> Iterator[str]:
    title = panel.get("title")
    name = f"panel {panel.get('id')} {title!r}"
    if not title:
        yield f"{name} has no title"
    if panel.get("type") not in CORE_PANELS:
        yield f"{name} is a {panel.get('type')}: not a panel every Grafana has"
    if panel.get("type") in ("row", "text"):
        return
    if not str(panel.get("description", "")).endswith("."):
        yield f"{name} has no description, or one that is not a sentence"
    if not _at(panel, "fieldConfig", "defaults", "unit"):
        yield f"{name} has no unit"
    if panel.get("type") == "timeseries" and not _at(panel, "options", "legend", "showLegend"):
        yield f"{name} has no legend"
    yield from _targets(name, panel)


def _targets(name: str, panel: Json) -> Iterator[str]:
    targets = members(panel, "targets")
    if not targets:
        yield f"{name} asks nothing"
    for node in (panel, *targets):
        if _at(node, "datasource", "uid") != "${datasource}":
            yield f"{name} does not use the data source variable"
    for ref, times in Counter(str(target.get("refId")) for target in targets).items():
        if times > 1:
            yield f"{name} has {times} queries called {ref}"
    for target in targets:
        if not target.get("legendFormat"):
            yield f"{name} query {target.get('refId')} has no legend"


def _grid(board: Json) -> Iterator[str]:
    cells: dict[tuple[int, int], object] = {}
    for panel in members(board, "panels"):
        x, y, w, h = (cast(int, _at(panel, "gridPos", key)) for key in "xywh")
        if x < 0 or x + w > 24 or min(w, h) < 1:
            yield f"panel {panel.get('id')} is off the grid"
        covered = {(column, row) for column in range(x, x + w) for row in range(y, y + h)}
        for other in sorted({str(cells[cell]) for cell in covered & cells.keys()}):
            yield f"panel {panel.get('id')} lies over panel {other}"
        cells.update(dict.fromkeys(covered, panel.get("id")))
    for panel_id, times in Counter(str(p.get("id")) for p in members(board, "panels")).items():
        if times > 1:
            yield f"{times} panels have the id {panel_id}"


def _expression(title: str, expr: str) -> Iterator[str]:
    if "irate(" in expr:
        yield f"{title} uses irate, which shows two samples of each window"
    for window in _RANGE.findall(expr):
        if window not in _WINDOWS:
            yield f"{title} has the window [{window}] instead of [$__rate_interval]"
    for metric, selector, ranged in _METRIC.findall(expr):
        if not ranged and (metric.endswith("_total") or metric in COUNTERS_WITHOUT_TOTAL):
            yield f"{title} draws the counter {metric} without rate or increase"
        if 'instance=~"$instance"' not in selector:
            yield f"{title} does not select {metric} by the dashboard's host"


def _at(node: Json, *path: str) -> object:
    """The value at `path`, None when there is none."""
    value: object = node
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value
