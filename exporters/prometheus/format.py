"""The two formats of the page. Lines of samples are the same in both; heads and the end are not.

Docs    https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
        https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md

    text 0.0.4                                      OpenMetrics 1.0
    # HELP container_oom_events_total Processes…    # HELP container_oom_events Processes…
    # TYPE container_oom_events_total counter       # TYPE container_oom_events counter
    container_oom_events_total{…} 2                 container_oom_events_total{…} 2
                                                    # EOF

OpenMetrics names a counter's family without _total and gives a unit only to a family whose name
ends in it. What it forbids a counter to be called (container_memory_failcnt) is "unknown" there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from agent.records import dataclass
from exporters.prometheus.metric import AnyMetric


@dataclass(frozen=True, slots=True)
class Format:
    """One way to write a page."""

    content_type: str
    openmetrics: bool
    head: Callable[[AnyMetric], str]
    """The comment lines before a family's samples."""
    end: bytes
    """What stands once at the end of the whole page."""


def _text_head(metric: AnyMetric) -> str:
    text = metric.help.replace("\\", "\\\\").replace("\n", "\\n")
    return f"# HELP {metric.name} {text}\n# TYPE {metric.name} {metric.type}\n"


def family_name(metric: AnyMetric) -> str:
    """What OpenMetrics calls the family."""
    return metric.name.removesuffix("_total") if metric.type == "counter" else metric.name


def _openmetrics_head(metric: AnyMetric) -> str:
    name = family_name(metric)
    text = metric.help.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
    kind = "unknown" if metric.type == "untyped" else metric.type
    unit = ""
    if metric.unit and name.endswith(f"_{metric.unit}"):
        unit = f"# UNIT {name} {metric.unit}\n"
    return f"# HELP {name} {text}\n# TYPE {name} {kind}\n{unit}"


TEXT: Final = Format("text/plain; version=0.0.4; charset=utf-8", False, _text_head, b"")
OPENMETRICS: Final = Format(
    "application/openmetrics-text; version=1.0.0; charset=utf-8",
    True,
    _openmetrics_head,
    b"# EOF\n",
)
