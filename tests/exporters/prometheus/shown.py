"""What a page shows of some metrics, as prometheus_client's parser reads it."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client.parser import text_string_to_metric_families

from agent.container.container import Container
from agent.model import Sample
from exporters.prometheus.encoder import Encoder
from exporters.prometheus.metric import AnyMetric
from tests.agent.snapshots import docker, sample, snapshot

BASE = {"container", "id", "image", "name", "namespace", "pod"}


def shown(
    metrics: Iterable[AnyMetric], *samples: Sample, at: float = 0.0
) -> dict[str, dict[tuple[str, ...], float]]:
    """Metric name → values of its own labels, in the labels' order → number."""
    text = b"".join(Encoder(metrics).encode(snapshot(*samples, at=at))).decode()
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(text):
        for series in family.samples:
            own = tuple(value for name, value in sorted(series.labels.items()) if name not in BASE)
            of = found.setdefault(series.name, {})
            assert own not in of, f"{series.name}: {own} twice"
            of[own] = series.value
    return found


def container() -> Container:
    """Any container."""
    return docker("web")


def any_sample() -> Sample:
    """A container's Sample of which a test replaces a part."""
    return sample(container=container())
