"""How a panel looks: the one place for colours, legends and line styles.

Everything a panel must have is an argument without a default: title, description, unit, queries.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from dashboards.sdk import (
    Builder,
    PromQueryFormat,
    QueryEditorMode,
    common,
    common_builders,
    dashboard,
    dashboard_builders,
    prometheus,
    stat,
    table,
    timeseries,
)
from dashboards.variables import DATASOURCE

Panel = Builder[dashboard.Panel]

WARNING: Final = "orange"
CRITICAL: Final = "red"


class Style(enum.Enum):
    """How one query of a graph is drawn."""

    LINE = "line"
    LIMIT = "limit"
    """Red dashes: what the lines must stay under."""
    BELOW = "below"
    """Under the axis: the other direction (write, transmit)."""
    DASHED = "dashed"
    """The stronger form of the line above it (full pressure beside some)."""


_PROPERTIES: Final[dict[Style, dict[str, object]]] = {
    Style.LINE: {},
    Style.LIMIT: {
        "color": {"mode": "fixed", "fixedColor": CRITICAL},
        "custom.fillOpacity": 0,
        "custom.lineStyle": {"fill": "dash", "dash": [8, 6]},
        "custom.stacking": {"mode": "none"},
    },
    Style.BELOW: {"custom.transform": "negative-Y"},
    Style.DASHED: {"custom.lineStyle": {"fill": "dash", "dash": [3, 4]}, "custom.fillOpacity": 0},
}


@dataclass(frozen=True, slots=True)
class Query:
    """One query of a panel."""

    expr: str
    legend: str
    style: Style = Style.LINE


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From which value on a number turns orange, and red. None: never."""

    warning: float | None = None
    critical: float | None = None

    def build(self) -> dashboard_builders.ThresholdsConfig:
        steps = [dashboard.Threshold(value=None, color="green")]
        if self.warning is not None:
            steps.append(dashboard.Threshold(value=self.warning, color=WARNING))
        if self.critical is not None:
            steps.append(dashboard.Threshold(value=self.critical, color=CRITICAL))
        return (
            dashboard_builders.ThresholdsConfig()
            .mode(dashboard.ThresholdsMode.ABSOLUTE)
            .steps(steps)
        )


def graph(
    title: str,
    description: str,
    unit: str,
    queries: Sequence[Query],
    *,
    stacked: bool = False,
    bars: bool = False,
) -> Panel:
    """Time series with a table legend: mean, maximum and last value of every line."""
    panel = (
        timeseries.Panel()
        .title(title)
        .description(description)
        .datasource(DATASOURCE)
        .unit(unit)
        .line_width(1)
        .fill_opacity(30 if stacked or bars else 10)
        .show_points(common.VisibilityMode.NEVER)
        .draw_style(common.GraphDrawStyle.BARS if bars else common.GraphDrawStyle.LINE)
        .legend(
            common_builders.VizLegendOptions()
            .show_legend(True)
            .display_mode(common.LegendDisplayMode.TABLE)
            .placement(common.LegendPlacement.BOTTOM)
            .calcs(["mean", "max", "lastNotNull"])
        )
        .tooltip(
            common_builders.VizTooltipOptions()
            .mode(common.TooltipDisplayMode.MULTI)
            .sort(common.SortOrder.DESCENDING)
        )
    )
    if not any(query.style is Style.BELOW for query in queries):
        panel.min(0)
    if stacked:
        panel.stacking(common_builders.StackingConfig().mode(common.StackingMode.NORMAL))
    for ref, query in _with_refs(queries):
        panel.with_target(_target(ref, query))
        properties = _PROPERTIES[query.style]
        if properties:
            panel.override_by_query(
                ref,
                [dashboard.DynamicConfigValue(id_val=k, value=v) for k, v in properties.items()],
            )
    return panel


def number(
    title: str,
    description: str,
    unit: str,
    query: Query,
    *,
    thresholds: Thresholds | None = None,
    decimals: int | None = None,
    no_value: str = "no data",
) -> Panel:
    """The value now, coloured by `thresholds` where there are some."""
    panel = (
        stat.Panel()
        .title(title)
        .description(description)
        .datasource(DATASOURCE)
        .unit(unit)
        .no_value(no_value)
        .thresholds((thresholds or Thresholds()).build())
        .color_mode(common.BigValueColorMode.VALUE if thresholds else common.BigValueColorMode.NONE)
        .graph_mode(common.BigValueGraphMode.NONE)
        .reduce_options(common_builders.ReduceDataOptions().calcs(["lastNotNull"]))
        .with_target(_target("A", query).instant())
    )
    return panel if decimals is None else panel.decimals(decimals)


def facts(title: str, description: str, unit: str, query: Query, columns: Sequence[str]) -> Panel:
    """A table of labels; `unit` is that of the query's value, the last column."""
    names = {name: position for position, name in enumerate(columns)}
    return (
        table.Panel()
        .title(title)
        .description(description)
        .datasource(DATASOURCE)
        .unit(unit)
        .with_target(_target("A", query).instant().format(PromQueryFormat.TABLE))
        .with_transformation(
            dashboard.DataTransformerConfig(
                id_val="organize",
                options={
                    "excludeByName": {"Time": True},
                    "indexByName": {**names, "Value": len(names)},
                    "renameByName": {"Value": query.legend},
                },
            )
        )
    )


def _with_refs(queries: Sequence[Query]) -> list[tuple[str, Query]]:
    return [(chr(ord("A") + position), query) for position, query in enumerate(queries)]


def _target(ref: str, query: Query) -> prometheus.Dataquery:
    return (
        prometheus.Dataquery()
        .ref_id(ref)
        .datasource(DATASOURCE)
        .expr(query.expr)
        .legend_format(query.legend)
        .editor_mode(QueryEditorMode.CODE)
        .range()
    )
