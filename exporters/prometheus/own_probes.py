"""Metrics of the user's own probes (agent/bpf/own.py)."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from agent.bpf.own import BadProbe, OwnCounts, OwnMetric, OwnProbe
from agent.model import Sample, Snapshot
from exporters.prometheus.metric import Labels, Metric, Number, Series


def own_metrics(probes: Iterable[OwnProbe], taken: Collection[str]) -> tuple[Metric, ...]:
    """One for each [[metric]]. Raises BadProbe where a name is `taken`."""
    metrics = []
    for probe in probes:
        for metric in probe.metrics:
            if metric.name in taken:
                raise BadProbe(f"{probe.source}: {metric.name} is a metric of the agent's already")
            metrics.append(
                Metric(
                    name=metric.name,
                    type=metric.type,
                    source=f"BPF {probe.source}",
                    help=metric.help,
                    read=_read(probe.name, metric),
                    labels=tuple(name for name, _ in metric.labels),
                )
            )
    return tuple(metrics)


def _read(probe: str, metric: OwnMetric) -> Series:
    names = tuple(name for name, _ in metric.labels)
    scaled = metric.scale != 1.0

    def read(sample: Sample, _: Snapshot) -> Iterable[tuple[Labels, Number | None]]:
        counts = sample.probes.get(OwnCounts, probe)
        if counts is None:
            return
        for values, number in sorted(counts.values.get(metric.name, {}).items()):
            labels = tuple(zip(names, map(str, values), strict=True))
            yield labels, number * metric.scale if scaled else number

    return read
