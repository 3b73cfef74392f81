"""Snapshots to remote write requests: what is written, and which series have ended.

Every series of the page, with the labels a scrape would have added (job, instance) and those of the
configuration. A series that was in the last request and is not in this one gets a stale marker, so
that a query sees at once that it ended, as after a scrape.

What makes it fast: a series' bytes are always the same but for its value and time, so they are made
once and kept with the cgroup it is about. The symbols of a request are the table of all of them;
when more cgroups have gone than there are, it is made anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from agent.container.container import Container
from agent.model import Snapshot
from agent.records import NamedTuple
from exporters.prometheus.catalog import exported
from exporters.prometheus.metric import (
    AnyMetric,
    HistogramMetric,
    Labels,
    Metric,
    Number,
    SnapshotMetric,
)
from exporters.prometheus.remote_write.message import (
    STALE,
    Symbols,
    metadata,
    series_start,
    timestamp,
)
from exporters.prometheus.remote_write.protobuf import double

_MOST_SERIES: Final = 10_000
"""Of one request: about 200 KiB compressed, 1 MiB before, well below any receiver's limit."""

LabelsOf = Callable[[Container | None, str], Labels]
_Key = tuple[int, Labels]
"""(family, own labels)."""


class Family(NamedTuple):
    """A metric that does not come from a Snapshot: the agent's own."""

    name: str
    """Of the samples."""
    type: str
    help: str
    samples: Sequence[tuple[Labels, Number]]


class Request(NamedTuple):
    """One 2.0 request, not compressed."""

    body: bytes
    samples: int


class _Family:
    """What is known of a metric besides its samples."""

    def __init__(self, name: str, kind: str, text: str, unit: str) -> None:
        self.name, self.type, self.help, self.unit = name, kind, text, unit
        self.metadata = b""


class _Subject:
    """A cgroup, or the host: its labels and its series."""

    def __init__(self, container: Container | None, path: str, labels: Labels) -> None:
        self.container = container
        self.path = path
        self.labels = labels
        self.starts: dict[_Key, bytes] = {}
        self.last: list[_Key] = []
        """Its series in the last request."""
        self.now: list[_Key] = []


class SeriesEncoder:
    """Encodes Snapshots; remembers the last one's series. Not thread-safe."""

    def __init__(
        self,
        metrics: Iterable[AnyMetric],
        labels_of: LabelsOf,
        external: Labels,
        wanted: Callable[[str], bool] = lambda _: True,
    ) -> None:
        """external: labels of every series; one of its own by that name wins. wanted: by name."""
        self._labels_of = labels_of
        self._external = external
        self._wanted = wanted
        self._metrics = [
            family
            for metric in metrics
            if wanted(metric.name)
            for family in (metric.families() if isinstance(metric, HistogramMetric) else (metric,))
        ]
        self._families = [_Family(m.name, m.type, m.help, m.unit) for m in self._metrics]
        self._own: dict[str, int] = {}
        """Name → place in `_families`, of the agent's own metrics."""
        self._symbols = Symbols()
        self._subjects: dict[int, _Subject] = {}
        self._host = _Subject(None, "", ())
        self._gone = 0
        """Subjects that ended since the symbols were made."""

    def encode(self, snapshot: Snapshot, own: Iterable[Family] = ()) -> Iterator[Request]:
        """Yield the requests of one Snapshot and the agent's `own` metrics at the same time."""
        if self._gone > len(self._subjects) + 16:
            self._forget_symbols()
        time = timestamp(max(0, round(snapshot.wall_time * 1000)))
        ended = self._match_subjects(snapshot)
        writing = _Writing(time, self._symbols)
        for index, metric in enumerate(self._metrics):
            family = self._families[index]
            for subject, labels, number in self._rows(metric, snapshot):
                writing.add(self._start(subject, (index, labels)), double(number), family.metadata)
                subject.now.append((index, labels))
            yield from writing.full()
        for found in own:
            if self._wanted(found.name):
                index = self._own_family(found)
                for labels, number in found.samples:
                    start = self._start(self._host, (index, labels))
                    writing.add(start, double(number), self._families[index].metadata)
                    self._host.now.append((index, labels))
        self._end_series(writing, ended)
        yield from writing.rest()

    def _rows(
        self, metric: Metric | SnapshotMetric, snapshot: Snapshot
    ) -> Iterator[tuple[_Subject, Labels, Number]]:
        if isinstance(metric, SnapshotMetric):
            for labels, number in metric.read(snapshot):
                if number is not None:
                    yield self._host, labels, number
            return
        for sample in self._exported:
            subject = self._subjects[sample.cgroup.inode]
            for labels, number in metric.read(sample, snapshot):
                if number is not None:
                    yield subject, labels, number

    def _match_subjects(self, snapshot: Snapshot) -> list[_Subject]:
        """Find the subjects of this Snapshot; return those that have ended."""
        self._exported = exported(snapshot)
        before, self._subjects = self._subjects, {}
        ended = []
        for sample in self._exported:
            inode, container = sample.cgroup.inode, sample.container
            subject = before.pop(inode, None)
            if subject is None or (
                subject.container is not container or subject.path != sample.cgroup.path
            ):
                labels = self._labels_of(container, sample.cgroup.path)
                if subject is not None and subject.labels == labels:
                    subject.container = container
                else:
                    if subject is not None:
                        ended.append(subject)
                    subject = _Subject(container, sample.cgroup.path, labels)
            self._subjects[inode] = subject
        ended += before.values()
        self._gone += len(ended)
        return ended

    def _end_series(self, writing: _Writing, ended: list[_Subject]) -> None:
        """Write a stale marker for what was there last time and is not any more."""
        going = [(subject, subject.last) for subject in ended]
        for subject in (*self._subjects.values(), self._host):
            if subject.now != subject.last:
                left = set(subject.last).difference(subject.now)
                going.append((subject, [key for key in subject.last if key in left]))
            subject.last, subject.now = subject.now, []
        if not going:
            return
        # A cgroup that was made anew under its old path goes on with the same series.
        alive = {
            start
            for subject in self._subjects.values()
            if ended
            for start in (self._start(subject, key) for key in subject.last)
        }
        for subject, keys in going:
            for key in keys:
                start = self._start(subject, key)
                if start not in alive:
                    writing.add(start, STALE, self._families[key[0]].metadata)
                subject.starts.pop(key, None)

    def _start(self, subject: _Subject, key: _Key) -> bytes:
        start = subject.starts.get(key)
        if start is None:
            family = self._families[key[0]]
            if not family.metadata:
                family.metadata = metadata(self._symbols, family.type, family.help, family.unit)
            labels = {**dict(self._external), **dict(subject.labels), **dict(key[1])}
            labels["__name__"] = family.name
            start = series_start(self._symbols, labels.items(), len(family.metadata))
            subject.starts[key] = start
        return start

    def _own_family(self, found: Family) -> int:
        index = self._own.get(found.name)
        if index is None:
            index = self._own[found.name] = len(self._families)
            self._families.append(_Family(found.name, found.type, found.help, ""))
        return index

    def _forget_symbols(self) -> None:
        self._symbols = Symbols()
        self._gone = 0
        for family in self._families:
            family.metadata = b""
        for subject in (*self._subjects.values(), self._host):
            subject.starts.clear()


class _Writing:
    """The requests of one Snapshot as they fill."""

    def __init__(self, time: bytes, symbols: Symbols) -> None:
        self._time = time
        self._symbols = symbols
        self._parts: list[bytes] = []
        self._count = 0

    def add(self, start: bytes, value: bytes, end: bytes) -> None:
        """Add a series with one sample."""
        self._parts += (start, value, self._time, end)
        self._count += 1

    def full(self) -> Iterator[Request]:
        """What there is, if it is enough for a request."""
        if self._count >= _MOST_SERIES:
            yield from self.rest()

    def rest(self) -> Iterator[Request]:
        """What there is."""
        if self._count:
            yield Request(self._symbols.encoded() + b"".join(self._parts), self._count)
            self._parts, self._count = [], 0
