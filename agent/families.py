"""Metric families of the agent's own counters, and how they are written on a page.

    requests = counter("agent_requests", "Requests, by outcome.", ["outcome"])
    requests.add(["ok"], 3)            # agent_requests_total{outcome="ok"} 3.0

What prometheus_client's families are and what its `generate_latest` writes, byte for byte, which a
test compares. Not those themselves because importing them takes 8 MB (an HTTP server, TLS, URLs),
and writing them three times the CPU.

Formats: text 0.0.4, and OpenMetrics 1.0 without its end.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final, Literal, NamedTuple, Protocol

Type = Literal["counter", "gauge", "histogram", "info"]

_SUFFIX: Final[dict[Type, str]] = {"counter": "_total", "info": "_info"}
"""What the one series of a family is called after the family."""
_GO_EXPONENT: Final = 6
"""Digits before the point from which on Go writes an exponent."""


class Sample(NamedTuple):
    """One series' value now."""

    name: str
    labels: dict[str, str]
    value: float
    timestamp: None = None
    exemplar: None = None
    native_histogram: None = None


class Family:
    """One metric family."""

    __slots__ = ("_labels", "documentation", "name", "samples", "type")

    unit: Final = ""

    def __init__(self, name: str, kind: Type, text: str, labels: Sequence[str] = ()) -> None:
        """`name` without _total and _info. `labels` are names, in the order of `add`'s values."""
        self.name = name
        self.type = kind
        self.documentation = text
        self.samples: list[Sample] = []
        self._labels = tuple(labels)

    def add(self, labels: Iterable[str], value: float) -> None:
        """One series of a counter, a gauge or an info (whose value is 1)."""
        named = dict(zip(self._labels, labels, strict=True))
        self.samples.append(Sample(self.name + _SUFFIX.get(self.type, ""), named, value))

    def add_histogram(
        self, labels: Iterable[str], buckets: Sequence[tuple[str, float]], total: float
    ) -> None:
        """One series of a histogram. `buckets`: (bound, count up to it), the last one "+Inf"."""
        named = dict(zip(self._labels, labels, strict=True))
        for bound, count in buckets:
            self.samples.append(Sample(f"{self.name}_bucket", {**named, "le": bound}, count))
        self.samples.append(Sample(f"{self.name}_count", named, buckets[-1][1]))
        self.samples.append(Sample(f"{self.name}_sum", named, total))


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


def write(families: Iterable[Family], *, openmetrics: bool = False) -> str:
    """The families as text."""
    lines: list[str] = []
    for family in families:
        name, kind = family.name, str(family.type)
        text = family.documentation.replace("\\", "\\\\").replace("\n", "\\n")
        if openmetrics:
            text = text.replace('"', '\\"')
        else:
            name += _SUFFIX.get(family.type, "")
            kind = "gauge" if family.type == "info" else kind
        lines.append(f"# HELP {name} {text}\n# TYPE {name} {kind}\n")
        for sample in family.samples:
            number = write_number(sample.value)
            if sample.labels:
                labels = ",".join(
                    [f'{name}="{_escape(value)}"' for name, value in sorted(sample.labels.items())]
                )
                lines.append(f"{sample.name}{{{labels}}} {number}\n")
            else:
                lines.append(f"{sample.name} {number}\n")
    return "".join(lines)


def write_number(value: float) -> str:
    """A number as prometheus_client writes it, which is nearly as Go does: 3.0, 1.5e+07, +Inf."""
    number = float(value)
    if not math.isfinite(number):
        return "NaN" if math.isnan(number) else "+Inf" if number > 0 else "-Inf"
    text = repr(number)
    point = text.find(".")
    if number > 0 and point > _GO_EXPONENT:
        mantissa = f"{text[0]}.{text[1:point]}{text[point + 1 :]}".rstrip("0.")
        return f"{mantissa}e+{point - 1:02d}"
    return text


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
