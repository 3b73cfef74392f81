"""Numbers and histograms of what a probe counted, for the groups: None or nothing where it does
not run."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from agent.bpf.durations import Durations
from agent.model import Sample, Snapshot
from exporters.prometheus.durations import histogram
from exporters.prometheus.metric import NO_LABELS, Histogram, Labels, Number, Series, Value

C = TypeVar("C")
K = TypeVar("K", str, int)
V = TypeVar("V")
Histograms = Callable[[Sample, Snapshot], Iterable[tuple[Labels, Histogram]]]


def counted(record: type[object], name: str) -> Value:
    """A number of a probe's record of counts: `counted(TcpCounts, "connects")`."""
    get = operator.attrgetter(name)

    def value(sample: Sample) -> int | None:
        counts = sample.probes.get(record)
        number: int | None = None if counts is None else get(counts)
        return number

    return value


def timed(record: type[object], name: str) -> Histograms:
    """Its durations, once there are any: a container that never did it has no histogram."""
    get = operator.attrgetter(name)

    def read(sample: Sample, _: Snapshot) -> Iterable[tuple[Labels, Histogram]]:
        counts = sample.probes.get(record)
        durations: Durations | None = None if counts is None else get(counts)
        if durations is not None and durations.total:
            yield NO_LABELS, histogram(durations)

    return read


def counted_by(record: type[C], label: str, numbers: Callable[[C], Mapping[K, Number]]) -> Series:
    """A number for each value of a label, in their order."""
    return _by(record, label, numbers)


def timed_by(
    record: type[C], label: str, histograms: Callable[[C], Mapping[str, Histogram]]
) -> Histograms:
    """A histogram for each value of a label, in their order."""
    return _by(record, label, histograms)


def _by(
    record: type[C], label: str, values: Callable[[C], Mapping[K, V]]
) -> Callable[[Sample, Snapshot], Iterable[tuple[Labels, V]]]:
    def read(sample: Sample, _: Snapshot) -> Iterable[tuple[Labels, V]]:
        if (counts := sample.probes.get(record)) is not None:
            for key, value in sorted(values(counts).items()):
                yield ((label, str(key)),), value

    return read
