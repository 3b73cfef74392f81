"""The shipped dashboards have no fault, and every rule finds the fault it is for."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import cast

import pytest

from dashboards.build import DASHBOARDS
from dashboards.lint import lint
from dashboards.listing import Json, load, members

Damage = Callable[[Json, Json], object]
"""(the dashboard, one of its graphs) → changed in place"""


@pytest.mark.parametrize("name", DASHBOARDS)
def test_a_shipped_dashboard_has_no_fault(name: str) -> None:
    assert lint(load(name)) == []


def _expr(old: str, new: str) -> Damage:
    def damage(board: Json, graph: Json) -> None:
        target = members(graph, "targets")[0]
        assert old in str(target["expr"])
        target["expr"] = str(target["expr"]).replace(old, new)

    return damage


def _nested(node: Json, key: str) -> Json:
    return cast(Json, node[key])


FAULTS: dict[str, tuple[Damage, str]] = {
    "no uid": (lambda b, g: b.pop("uid"), "the dashboard has no uid"),
    "long uid": (lambda b, g: b.update(uid="x" * 41), "the uid is over 40 characters"),
    "old schema": (lambda b, g: b.update(schemaVersion=36), "schemaVersion is under 39"),
    "own id": (lambda b, g: b.update(id=7), "the dashboard has an id of its own"),
    "no title": (lambda b, g: g.update(title=""), "has no title"),
    "no description": (lambda b, g: g.pop("description"), "has no description"),
    "not a sentence": (lambda b, g: g.update(description="CPU"), "not a sentence"),
    "no unit": (lambda b, g: _nested(_nested(g, "fieldConfig"), "defaults").pop("unit"), "no unit"),
    "angular": (lambda b, g: g.update(type="graph"), "not a panel every Grafana has"),
    "no legend": (
        lambda b, g: _nested(_nested(g, "options"), "legend").update(showLegend=False),
        "has no legend",
    ),
    "legend of a query": (
        lambda b, g: members(g, "targets")[0].pop("legendFormat"),
        "query A has no legend",
    ),
    "fixed source": (
        lambda b, g: g.update(datasource={"type": "prometheus", "uid": "P1"}),
        "does not use the data source variable",
    ),
    "same ref twice": (
        lambda b, g: members(g, "targets")[1].update(refId="A"),
        "has 2 queries called A",
    ),
    "no query": (lambda b, g: g.update(targets=[]), "asks nothing"),
    "overlap": (lambda b, g: _nested(g, "gridPos").update(y=1), "lies over panel 101"),
    "off the grid": (lambda b, g: _nested(g, "gridPos").update(x=20), "is off the grid"),
    "same id twice": (lambda b, g: g.update(id=101), "2 panels have the id 101"),
    "irate": (_expr("rate(", "irate("), "uses irate"),
    "fixed window": (_expr("$__rate_interval", "5m"), "has the window [5m]"),
    "raw counter": (_expr("[$__rate_interval]", ""), "draws the counter container_cpu_usage"),
    "all hosts": (_expr('instance=~"$instance",', ""), "by the dashboard's host"),
    "undefined variable": (_expr("$pod", "$cluster"), "$cluster is used and not defined"),
    "source not first": (
        lambda b, g: members(_nested(b, "templating"), "list").reverse(),
        "the first variable is not the data source",
    ),
    "unexplained variable": (
        lambda b, g: members(_nested(b, "templating"), "list")[1].pop("description"),
        "variable instance has no description",
    ),
    "unused variable": (
        lambda b, g: members(_nested(b, "templating"), "list").append(
            {"name": "cluster", "label": "x", "description": "x", "type": "custom"}
        ),
        "$cluster is defined and not used",
    ),
}


@pytest.mark.parametrize(("damage", "fault"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_found_and_named(damage: Damage, fault: str) -> None:
    board = copy.deepcopy(load("container"))
    graph = next(p for p in members(board, "panels") if p["title"] == "CPU usage and limit")
    damage(board, graph)
    assert any(fault in found for found in lint(board)), lint(board)
