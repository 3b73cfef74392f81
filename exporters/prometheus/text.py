"""Prometheus text format 0.0.4: samples to bytes, one chunk a family.

Docs    https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format

    # HELP container_memory_rss Anonymous memory, in bytes.
    # TYPE container_memory_rss gauge
    container_memory_rss{container="api",id="/docker/7f…",image="api:1",name="web",…} 8192

HELP and TYPE once per family, its lines together, a newline at the end, no timestamps: a series
that is gone is then marked stale by Prometheus at the next scrape.

Written here and not by prometheus_client because that takes about 20 us a sample and cannot write
two of cAdvisor's names; see `tests/bench/page.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from agent.container.container import Container
from agent.model import Sample, Snapshot
from exporters.prometheus.catalog import METRICS, base_labels, exported
from exporters.prometheus.metric import Labels, Metric, Number

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class TextEncoder:
    """Encodes pages. Keeps each container's escaped labels from page to page."""

    content_type = CONTENT_TYPE

    def __init__(self, metrics: Iterable[Metric] = METRICS) -> None:
        self._metrics = tuple(metrics)
        self._heads = {
            metric.name: f"# HELP {metric.name} {escape_help(metric.help)}\n"
            f"# TYPE {metric.name} {metric.type}\n"
            for metric in self._metrics
        }
        self._labels: dict[int, tuple[Container | None, str, str]] = {}
        """cgroup inode → (container, path, its labels as text)."""

    def encode(self, snapshot: Snapshot) -> Iterator[bytes]:
        """Yield the page family by family. A family without a series is left out."""
        samples = exported(snapshot)
        self._forget_gone(samples)
        labelled = [(sample, self._labels_of(sample)) for sample in samples]
        for metric in self._metrics:
            lines = [
                f"{metric.name}{{{labels}{_more(more)}}} {value}\n"
                for sample, labels in labelled
                for more, value in metric.read(sample, snapshot)
                if value is not None
            ]
            if lines:
                yield (self._heads[metric.name] + "".join(lines)).encode("utf-8", "replace")
        yield _machine(snapshot).encode()

    def _labels_of(self, sample: Sample) -> str:
        known = self._labels.get(sample.cgroup.inode)
        if known is not None and known[0] is sample.container and known[1] == sample.cgroup.path:
            return known[2]
        labels = format_labels(base_labels(sample.container, sample.cgroup.path))
        self._labels[sample.cgroup.inode] = sample.container, sample.cgroup.path, labels
        return labels

    def _forget_gone(self, samples: list[Sample]) -> None:
        if len(self._labels) > 2 * len(samples) + 16:
            alive = {sample.cgroup.inode for sample in samples}
            self._labels = {i: known for i, known in self._labels.items() if i in alive}


def format_labels(labels: Labels) -> str:
    """Write label pairs as they stand between the braces."""
    return ",".join(f'{name}="{escape_label(value)}"' for name, value in labels)


def escape_label(value: str) -> str:
    """Escape a label value: backslash, double quote and newline."""
    if '"' in value or "\\" in value or "\n" in value:
        return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
    return value


def escape_help(text: str) -> str:
    """Escape a HELP text: backslash and newline."""
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def _more(labels: Labels) -> str:
    return "," + format_labels(labels) if labels else ""


def _machine(snapshot: Snapshot) -> str:
    host = snapshot.host
    gauges: list[tuple[str, str, Number]] = [
        ("machine_cpu_cores", "Online logical CPUs.", host.cores)
    ]
    if host.meminfo is not None and host.meminfo.total is not None:
        gauges.append(("machine_memory_bytes", "Memory of the machine.", host.meminfo.total))
    return "".join(
        f"# HELP {name} {text}\n# TYPE {name} gauge\n{name} {value}\n"
        for name, text, value in gauges
    )
