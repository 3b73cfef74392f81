"""Numbers and histograms of what a probe counted, for the groups: None or nothing where it does
not run."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable

from agent.bpf.durations import Durations
from agent.model import Sample, Snapshot
from exporters.prometheus.durations import histogram
from exporters.prometheus.metric import NO_LABELS, Histogram, Labels, Value


def counted(record: type[object], name: str) -> Value:
    """A number of a probe's record of counts: `counted(TcpCounts, "connects")`."""
    get = operator.attrgetter(name)

    def value(sample: Sample) -> int | None:
        counts = sample.probes.get(record)
        number: int | None = None if counts is None else get(counts)
        return number

    return value


def timed(
    record: type[object], name: str
) -> Callable[[Sample, Snapshot], Iterable[tuple[Labels, Histogram]]]:
    """Its durations, once there are any: a container that never did it has no histogram."""
    get = operator.attrgetter(name)

    def read(sample: Sample, _: Snapshot) -> Iterable[tuple[Labels, Histogram]]:
        counts = sample.probes.get(record)
        durations: Durations | None = None if counts is None else get(counts)
        if durations is not None and durations.total:
            yield NO_LABELS, histogram(durations)

    return read
