"""Metric families of the agent's own counters, and how they are written on a page.

    requests = counter("agent_requests", "Requests, by outcome.", ["outcome"])
    requests.add(["ok"], 3)            # agent_requests_total{outcome="ok"} 3.0

prometheus_client's metrics and text formats: 0.0.4, and OpenMetrics 1.0 without its end. A label
that came from bytes that are no UTF-8 has them as "\\xff": prometheus_client would raise.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Literal, Protocol

from agent.encodable import encodable
from agent.plain_prometheus_client import Collector as _Registry
from agent.plain_prometheus_client import Metric, generate_latest, generate_openmetrics

Type = Literal["counter", "gauge", "histogram", "info"]

_SUFFIX: Final[dict[str, str]] = {"counter": "_total", "info": "_info"}
"""What the one series of a family is called after the family."""
_END: Final = b"# EOF\n"


class Family(Metric):
    """One metric family."""

    def __init__(self, name: str, kind: Type, text: str, labels: Sequence[str] = ()) -> None:
        """`name` without _total and _info. `labels` are names, in the order of `add`'s values."""
        super().__init__(name, text, kind)
        self._labels = tuple(labels)

    def add(self, labels: Iterable[str], value: float) -> None:
        """One series of a counter, a gauge or an info (whose value is 1)."""
        named = self._named(labels)
        self.add_sample(self.name + _SUFFIX.get(self.type, ""), named, value)

    def add_histogram(
        self, labels: Iterable[str], buckets: Sequence[tuple[str, float]], total: float
    ) -> None:
        """One series of a histogram. `buckets`: (bound, count up to it), the last one "+Inf"."""
        named = self._named(labels)
        for bound, count in buckets:
            self.add_sample(f"{self.name}_bucket", {**named, "le": bound}, count)
        self.add_sample(f"{self.name}_count", named, buckets[-1][1])
        self.add_sample(f"{self.name}_sum", named, total)

    def _named(self, labels: Iterable[str]) -> dict[str, str]:
        return dict(zip(self._labels, map(encodable, labels), strict=True))


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
    page = _Page(families)
    if openmetrics:
        return generate_openmetrics(page).removesuffix(_END)  # type: ignore[no-untyped-call,no-any-return]
    return generate_latest(page)


class _Page(_Registry):
    """The families as what prometheus_client writes from."""

    def __init__(self, families: Iterable[Family]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        yield from self._families
