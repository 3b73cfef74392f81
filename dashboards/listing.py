"""The queries of a shipped dashboard, ready for Prometheus: for tests that run them.

Reads the generated JSON, so what is tested is what is shipped. Needs no SDK.

    ("CPU: Throttled time [A]", "sum by (instance, …) (label_replace(rate(container_cpu_…[5m]) …")
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from importlib import resources
from typing import Final, cast

Json = dict[str, object]

BUILT_IN: Final[Mapping[str, str]] = {"__rate_interval": "5m", "__range": "1h"}
"""Grafana's own variables, when the caller gives no value."""

_VARIABLE: Final = re.compile(r"\$(?:\{(\w+)(?::\w+)?\}|(\w+))")


def load(dashboard: str) -> Json:
    """The generated JSON of the dashboard called `dashboard`: "container"."""
    text = (resources.files("dashboards.generated") / f"{dashboard}.json").read_text("utf-8")
    return cast(Json, json.loads(text))


def queries(dashboard: str, variables: Mapping[str, str]) -> list[tuple[str, str]]:
    """(title, expression) of every panel query and annotation, variables filled in.

    Titles are unique: "SECTION: PANEL [REF]". `variables` has a regular expression for each of
    instance, namespace, pod, container and name, as Grafana would fill it in ("" for a list that is
    empty); "__rate_interval" and "__range" may be given too. A variable that is missing raises
    KeyError.
    """
    filled = {**BUILT_IN, **variables}
    return [(title, fill(expr, filled)) for title, expr in expressions(load(dashboard))]


def fill(expr: str, variables: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda match: variables[match[1] or match[2]], expr)


def expressions(board: Json) -> Iterator[tuple[str, str]]:
    """(title, expression) as written, variables and all."""
    section = ""
    for panel in members(board, "panels"):
        if panel["type"] == "row":
            section = str(panel["title"])
        for target in members(panel, "targets"):
            yield f"{section}: {panel['title']} [{target['refId']}]", str(target["expr"])
    for annotation in members(cast(Json, board.get("annotations", {})), "list"):
        yield f"Annotation: {annotation['name']}", str(annotation["expr"])


def members(node: Json, key: str) -> list[Json]:
    """The list of objects under `key`, empty when there is none."""
    return cast(list[Json], node.get(key) or [])
