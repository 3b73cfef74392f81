"""Snapshots to pages, family by family, in pieces that stay small.

    # HELP container_memory_rss Anonymous memory, in bytes.
    # TYPE container_memory_rss gauge
    container_memory_rss{container="api",id="/docker/7f…",image="api:1",name="web",…} 8192

A family's head stands once, its lines together, a newline at the end, no timestamps: a series that
is gone is then marked stale by Prometheus at the next scrape.

Written here and not by prometheus_client because that takes about 20 us a sample and cannot write
two of cAdvisor's names; see `tests/bench/encode.py`. What makes it fast: the labels of a cgroup are
written once and kept (`labels.py`), the rows of a table are gathered once a page for all its
columns (`metric.Table`), and no piece is so large that the allocator asks the kernel for new pages.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from agent.model import Sample, Snapshot
from exporters.prometheus.catalog import exported, metrics_of, select
from exporters.prometheus.escape import format_labels
from exporters.prometheus.format import OPENMETRICS, TEXT, Format
from exporters.prometheus.labels import BaseLabels, KubeletLabels
from exporters.prometheus.metric import (
    AnyMetric,
    Column,
    HistogramMetric,
    Labels,
    Metric,
    Row,
    Series,
    SnapshotMetric,
    Table,
    Value,
    histogram_series,
)

_MOST_KEPT: Final = 20_000
"""Label texts of single series that are kept: devices, interfaces, exit codes."""

_BLOCK: Final = 96
"""Samples whose lines are made in one go: 20 to 40 KiB of text. With a whole family of 400 in one
go, writing took 2.6 times the CPU, most of it page faults."""

_More = Callable[[Labels], str]
"""A series' own labels → as text, with the comma before them."""


class Encoder:
    """Encodes pages. Keeps labels as text from page to page."""

    formats: Final = (TEXT, OPENMETRICS)
    """What it can write; text for a client that does not care."""

    def __init__(
        self, metrics: Iterable[AnyMetric] | None = None, labels: BaseLabels | None = None
    ) -> None:
        """Without `metrics`, in the order of the page, the default ones; without `labels`, the
        kubelet's."""
        self._metrics = metrics_of(select()) if metrics is None else tuple(metrics)
        self._labels = KubeletLabels() if labels is None else labels
        self._own: dict[Labels, str] = {}
        """A series' own labels → as text, with the comma before them."""
        self._said: dict[str, dict[int, _Said]] = {}
        """Of metrics that say what they are about: name → cgroup inode → what was written."""

    def encode(self, snapshot: Snapshot, form: Format = TEXT) -> Iterator[bytes]:
        """
        Yield the page family by family, without the format's end.

        A family without a series is left out. May be called from several threads.
        """
        samples = exported(snapshot)
        labelled = list(zip(self._labels.of(samples), samples, strict=True))
        blocks = [
            _Block(labelled[at : at + _BLOCK], snapshot) for at in range(0, len(labelled), _BLOCK)
        ]
        for metric in self._metrics:
            head = form.head(metric)
            for lines in self._pieces(metric, blocks, snapshot):
                if lines:
                    yield (head + "".join(lines)).encode()
                    head = ""

    def _pieces(
        self, metric: AnyMetric, blocks: list[_Block], snapshot: Snapshot
    ) -> Iterator[list[str]]:
        """The lines of a family, a block at a time."""
        if isinstance(metric, SnapshotMetric):
            yield _about_all(metric, snapshot, self._more)
            return
        if isinstance(metric, HistogramMetric):
            for block in blocks:
                yield block.histograms(metric, self._more)
            return
        start = metric.name + "{"
        if metric.about is not None:
            # What is written now replaces it, so that nothing of the dead stays.
            before, now = self._said.get(metric.name, {}), dict[int, _Said]()
            for block in blocks:
                yield block.same_series(metric, metric.about, self._more, before, now)
            self._said[metric.name] = now
            return
        if not metric.parts:
            for block in blocks:
                yield block.series(start, metric.read, self._more)
        for labels, part in metric.parts:
            end = self._more(labels) + "} "
            for block in blocks:
                if isinstance(part, Column):
                    yield block.column(start, end, part, self._more)
                else:
                    yield block.values(start, end, part)

    def _more(self, labels: Labels) -> str:
        """A series' own labels as text, with the comma before them."""
        if not labels:
            return ""
        text = self._own.get(labels)
        if text is None:
            if len(self._own) >= _MOST_KEPT:
                self._own.clear()
            text = self._own[labels] = "," + format_labels(labels)
        return text


_Said = tuple[object, tuple[str, ...]]
"""(what it was read from, what stands behind the labels in the line of each of its series)."""


class _Block:
    """Some samples of one page, with their labels."""

    def __init__(self, labelled: list[tuple[str, Sample]], snapshot: Snapshot) -> None:
        self._labelled = labelled
        self._snapshot = snapshot
        self._rows: dict[Table, list[tuple[str, Row]]] = {}
        """Table → (labels, row) of each of its rows."""

    def column(self, start: str, end: str, column: Column, more: _More) -> list[str]:
        """The lines of a column of a table."""
        table, place = column.table, column.place
        rows = self._rows.get(table)
        if rows is None:
            rows = self._rows[table] = self._gather(table, more)
        if column.usec:
            # units.seconds as text, in a third of the time: the digits are there already.
            return [
                f"{start}{labels}{end}{(digits := str(number))[:-6]}.{digits[-6:]}\n"
                if number >= 1_000_000
                else f"{start}{labels}{end}{number / 1_000_000}\n"
                for labels, row in rows
                if (number := row[place]) is not None
            ]
        return [
            f"{start}{labels}{end}{number}\n"
            for labels, row in rows
            if (number := row[place]) is not None
        ]

    def _gather(self, table: Table, more: _More) -> list[tuple[str, Row]]:
        if (single := table.single) is not None:
            return [
                (labels, row)
                for labels, sample in self._labelled
                if (row := single(sample)) is not None
            ]
        return [
            (labels + more(own) if own else labels, row)
            for labels, sample in self._labelled
            for own, row in table.rows(sample, self._snapshot)
        ]

    def values(self, start: str, end: str, value: Value) -> list[str]:
        """The lines of one number of each sample."""
        return [
            f"{start}{labels}{end}{number}\n"
            for labels, sample in self._labelled
            if (number := value(sample)) is not None
        ]

    def series(self, start: str, read: Series, more: _More) -> list[str]:
        """The lines of several series of each sample."""
        snapshot = self._snapshot
        return [
            f"{start}{labels}{more(own)}}} {number}\n"
            for labels, sample in self._labelled
            for own, number in read(sample, snapshot)
            if number is not None
        ]

    def same_series(
        self,
        metric: Metric,
        about: Callable[[Sample], object],
        more: _More,
        before: dict[int, _Said],
        now: dict[int, _Said],
    ) -> list[str]:
        """The same, as `before` has it where nothing is different; into `now`, too."""
        start = metric.name + "{"
        found = []
        for labels, sample in self._labelled:
            source, inode = about(sample), sample.cgroup.inode
            said = before.get(inode)
            if said is None or said[0] is not source:
                ends = [
                    sys.intern(f"{more(own)}}} {number}\n")  # one for all whose line ends alike
                    for own, number in metric.read(sample, self._snapshot)
                    if number is not None
                ]
                said = source, tuple(ends)
            now[inode] = said
            found += [f"{start}{labels}{end}" for end in said[1]]
        return found

    def histograms(self, metric: HistogramMetric, more: _More) -> list[str]:
        """The lines of a histogram of each sample."""
        name, snapshot = metric.name, self._snapshot
        return [
            f"{name}{ending}{{{labels}{more(own)}{more(le)}}} {number}\n"
            for labels, sample in self._labelled
            for own, found in metric.read(sample, snapshot)
            for ending, le, number in histogram_series(found)
        ]


def _about_all(metric: SnapshotMetric, snapshot: Snapshot, more: _More) -> list[str]:
    lines = []
    for labels, number in metric.read(snapshot):
        if number is not None:
            braces = "{" + more(labels)[1:] + "}" if labels else ""
            lines.append(f"{metric.name}{braces} {number}\n")
    return lines
