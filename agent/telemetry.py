"""The agent's own counters, in a prometheus_client registry of their own.

They tell what the agent costs and what it could not do: time and failures of each source, which
layer named the containers, how the children fare.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

DISTRIBUTION = "container-agent"


class Telemetry:
    """A registry, and what is counted by hand rather than collected."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._registry.register(_Build())
        self._sources = _Sources()
        self._registry.register(self._sources)

    def register(self, collector: Collector) -> None:
        """Add a part's own collector."""
        self._registry.register(collector)

    def source_read(self, source: str, seconds: float, failures: int) -> None:
        """Note how one source of one tick fared."""
        self._sources.note(source, seconds, failures)

    def collect(self) -> Iterable[Metric]:
        """Every family of the registry, read now."""
        return self._registry.collect()

    def page(self, *, openmetrics: bool = False) -> bytes:
        """The registry in text format 0.0.4, or in OpenMetrics without its end."""
        if openmetrics:
            page: bytes = generate_openmetrics(self._registry)  # type: ignore[no-untyped-call]
            return page.removesuffix(b"# EOF\n")
        return generate_latest(self._registry)


class Counts(Collector):
    """A counter whose numbers are kept elsewhere: label value → count."""

    def __init__(self, name: str, help: str, label: str, get: Callable[[], Mapping[str, int]]):  # noqa: A002
        self._name, self._help, self._label, self._get = name, help, label, get

    def collect(self) -> Iterator[Metric]:
        """Read the numbers now."""
        family = CounterMetricFamily(self._name, self._help, labels=[self._label])
        for value, count in sorted(self._get().items()):
            family.add_metric([value], count)
        yield family


class Rows(Collector):
    """A gauge of 1 for each of the rows that are kept elsewhere."""

    def __init__(
        self,
        name: str,
        help: str,  # noqa: A002
        labels: Sequence[str],
        get: Callable[[], Iterable[Sequence[str]]],
    ) -> None:
        self._name, self._help, self._labels, self._get = name, help, tuple(labels), get

    def collect(self) -> Iterator[Metric]:
        """Read the rows now."""
        family = GaugeMetricFamily(self._name, self._help, labels=self._labels)
        for row in self._get():
            family.add_metric(row, 1)
        yield family


class Levels(Collector):
    """A gauge whose numbers are kept elsewhere: label value → how many now."""

    def __init__(self, name: str, help: str, label: str, get: Callable[[], Mapping[str, int]]):  # noqa: A002
        self._name, self._help, self._label, self._get = name, help, label, get

    def collect(self) -> Iterator[Metric]:
        """Read the numbers now."""
        family = GaugeMetricFamily(self._name, self._help, labels=[self._label])
        for value, level in sorted(self._get().items()):
            family.add_metric([value], level)
        yield family


class Probe(Collector):
    """Which features of a probe run, and why the others do not."""

    def __init__(self, name: str, loader: str, off: Mapping[str, str], on: Iterable[str]) -> None:
        self._name, self._loader, self._off, self._on = name, loader, off, tuple(on)

    def collect(self) -> Iterator[Metric]:
        """1 for what counts, 0 with the reason for what does not."""
        family = GaugeMetricFamily(
            "agent_probe_up",
            "Whether this feature of a BPF probe counts; the reason where it does not.",
            labels=["probe", "feature", "loader", "reason"],
        )
        for feature in self._on:
            family.add_metric([self._name, feature, self._loader, ""], 1)
        for feature, reason in self._off.items():
            family.add_metric([self._name, feature, self._loader, reason], 0)
        yield family


class _Build(Collector):
    def collect(self) -> Iterator[Metric]:
        labels = {"version": version(DISTRIBUTION)}
        yield InfoMetricFamily("agent_build", "The agent, by version.", value=labels)


class _Sources(Collector):
    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}
        self._failures: dict[str, int] = {}

    def note(self, source: str, seconds: float, failures: int) -> None:
        self._seconds[source] = self._seconds.get(source, 0.0) + seconds
        self._failures[source] = self._failures.get(source, 0) + failures

    def collect(self) -> Iterator[Metric]:
        spent = CounterMetricFamily(
            "agent_source_seconds", "Wall time spent in each source.", labels=["source"]
        )
        failed = CounterMetricFamily(
            "agent_source_failures",
            "What each source found and could not read or understand.",
            labels=["source"],
        )
        for source, seconds in self._seconds.items():
            spent.add_metric([source], seconds)
            failed.add_metric([source], self._failures[source])
        yield spent
        yield failed


def gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    """One gauge without labels, for a collector's `collect`."""
    return GaugeMetricFamily(name, text, value=value)
