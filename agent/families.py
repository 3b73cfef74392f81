"""Metric families of the agent's own counters, and how they are written on a page.

    requests = counter("agent_requests", "Requests, by outcome.", ["outcome"])
    requests.add(["ok"], 3)            # agent_requests_total{outcome="ok"} 3

In text format 0.0.4, and in OpenMetrics 1.0 without its end. Written here, as the containers' page
is: prometheus_client's writer takes 0.5 MB in memory, and raises on a name that is not UTF-8.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal, Protocol

from agent.exposition import escape_help, escape_label, format_number
from agent.records import NamedTuple

Type = Literal["counter", "gauge", "histogram", "info"]

_SUFFIX: Final[dict[str, str]] = {"counter": "_total", "info": "_info"}
"""What the one series of a family is called after the family."""


class Series(NamedTuple):
    """One series, now."""

    name: str
    labels: Mapping[str, str]
    value: float


class Family:
    """One metric family."""

    def __init__(self, name: str, kind: Type, text: str, labels: Sequence[str] = ()) -> None:
        """`name` without _total and _info. `labels` are names, in the order of `add`'s values."""
        self.name = name
        self.type = kind
        self.help = text
        self.series: list[Series] = []
        self._labels = tuple(labels)

    def add(self, labels: Iterable[str], value: float) -> None:
        """One series of a counter, a gauge or an info (whose value is 1)."""
        named = dict(zip(self._labels, labels, strict=True))
        self.series.append(Series(self.name + _SUFFIX.get(self.type, ""), named, value))

    def add_histogram(
        self, labels: Iterable[str], buckets: Sequence[tuple[str, float]], total: float
    ) -> None:
        """One series of a histogram. `buckets`: (bound, count up to it), the last one "+Inf"."""
        named = dict(zip(self._labels, labels, strict=True))
        for bound, count in buckets:
            self.series.append(Series(f"{self.name}_bucket", {**named, "le": bound}, count))
        self.series.append(Series(f"{self.name}_count", named, buckets[-1][1]))
        self.series.append(Series(f"{self.name}_sum", named, total))


class Collector(Protocol):
    """A part of the agent that counts something."""

    def collect(self) -> Iterable[Family]:
        """Its families, read now."""


def counter(name: str, text: str, labels: Sequence[str] = ()) -> Family:
    """A counter; `name` without _total."""
    return Family(name, "counter", text, labels)


def gauge(name: str, text: str, labels: Sequence[str] = ()) -> Family:
    """A gauge."""
    return Family(name, "gauge", text, labels)


def histogram(name: str, text: str, labels: Sequence[str] = ()) -> Family:
    """A histogram."""
    return Family(name, "histogram", text, labels)


def single(kind: Literal["counter", "gauge"], name: str, text: str, value: float) -> Family:
    """A family of one series without labels."""
    family = Family(name, kind, text)
    family.add((), value)
    return family


def info(name: str, text: str, labels: dict[str, str]) -> Family:
    """A fact told by labels; `name` without _info."""
    family = Family(name, "info", text, tuple(labels))
    family.add(labels.values(), 1)
    return family


def write(families: Iterable[Family], *, openmetrics: bool = False) -> bytes:
    """The families as text."""
    lines = []
    for family in families:
        name, kind = family.name, str(family.type)
        if not openmetrics:
            name += _SUFFIX.get(kind, "")
            kind = "gauge" if kind == "info" else kind
        lines.append(f"# HELP {name} {escape_help(family.help, openmetrics=openmetrics)}\n")
        lines.append(f"# TYPE {name} {kind}\n")
        for series in family.series:
            labels = ",".join([f'{k}="{escape_label(v)}"' for k, v in series.labels.items()])
            braces = f"{{{labels}}}" if labels else ""
            lines.append(f"{series.name}{braces} {format_number(series.value)}\n")
    return "".join(lines).encode()
