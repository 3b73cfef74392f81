"""One metric of the page, and the usual ways to read one from a Sample.

    Metric            a family with series of cgroups: base labels (who it is about) and its own
    HistogramMetric   the same, of how long something took: classic histograms
    SnapshotMetric    a family that is about no one cgroup: the machine, totals over the dead

A `Value` gives one number or None (this host did not say: no series). A `Series` gives (labels,
number) pairs, for metrics with labels beside the base ones. Units change here and in the groups, on
the way out, and nowhere before.

Many metrics are columns of one table: the keys of a file, the counters of a device or interface. A
`Column` says so, which lets the encoder gather the rows once a page for all of them, and write the
lines without a call for each.
"""

from __future__ import annotations

import functools
import operator
import typing
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, Literal

from agent import units
from agent.cgroupfs.reading import CgroupReading
from agent.kernelfile import UNLIMITED, Limit
from agent.model import Sample, Snapshot
from agent.records import NamedTuple, dataclass, hints
from exporters.prometheus.cadvisor import NAMES

Number = int | float
Labels = tuple[tuple[str, str], ...]
"""(name, value) pairs."""
Value = Callable[[Sample], Number | None]
Series = Callable[[Sample, Snapshot], Iterable[tuple[Labels, Number | None]]]
Type = Literal["counter", "gauge", "histogram", "untyped"]
Unit = Literal["", "seconds", "microseconds", "bytes"]
"""Of the value; "" for a plain count and for 1."""
Stability = Literal["stable", "beta"]
"""stable: the name and meaning are cAdvisor's and stay. beta: ours, may still change."""

Row = tuple[Any, ...]
"""Numbers, or None; other columns of it (a name) are nobody's."""

NO_LABELS: Final[Labels] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric family of the container series."""

    name: str
    type: Type
    source: str
    """Kernel file and key, by cgroup v2's names."""
    help: str
    """A full sentence, with the unit."""
    read: Series
    """The series of one Sample, without the base labels."""
    unit: Unit = ""
    """Left out where the name ends in it."""
    labels: tuple[str, ...] = ()
    """Names of the labels it has beside the base ones."""
    parts: tuple[tuple[Labels, Part], ...] = ()
    """The same series for the encoder, faster: labels they all have, and their numbers."""
    about: Callable[[Sample], object] | None = None
    """What the series are read from, where it is nothing else and seldom another object: the
    encoder keeps their text for as long as it is the same one."""

    @property
    def stability(self) -> Stability:
        """Whether name and meaning are cAdvisor's."""
        return stability(self.name)

    def __post_init__(self) -> None:
        object.__setattr__(self, "unit", self.unit or unit_of(self.name))


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotMetric:
    """One metric family whose series have no base labels."""

    name: str
    type: Type
    source: str
    help: str
    read: Callable[[Snapshot], Iterable[tuple[Labels, Number | None]]]
    """All its series."""
    unit: Unit = ""
    labels: tuple[str, ...] = ()

    @property
    def stability(self) -> Stability:
        """Whether name and meaning are cAdvisor's."""
        return stability(self.name)

    def __post_init__(self) -> None:
        object.__setattr__(self, "unit", self.unit or unit_of(self.name))


class Histogram(NamedTuple):
    """How many values were how large."""

    bounds: tuple[float, ...]
    """Upper bounds, rising."""
    counts: Sequence[int]
    """For each bound the values above the one before, and last those above all. Not added up."""
    total: float
    """Of all values, in the unit of the bounds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistogramMetric:
    """One family of classic histograms, of cgroups."""

    name: str
    source: str
    help: str
    read: Callable[[Sample, Snapshot], Iterable[tuple[Labels, Histogram]]]
    """The histograms of one Sample, by labels beside the base ones and le."""
    labels: tuple[str, ...] = ()
    """Names of those labels."""

    @property
    def type(self) -> Type:
        """As in the formats."""
        return "histogram"

    @property
    def unit(self) -> Unit:
        """By its name."""
        return unit_of(self.name)

    @property
    def stability(self) -> Stability:
        """Whether name and meaning are cAdvisor's."""
        return stability(self.name)

    def families(self) -> tuple[Metric, ...]:
        """Its series as families of one name each, for writers of series, not of families."""

        def only(wanted: str) -> Series:
            def read(sample: Sample, snapshot: Snapshot) -> Iterable[tuple[Labels, Number | None]]:
                for labels, found in self.read(sample, snapshot):
                    for ending, more, number in histogram_series(found):
                        if ending == wanted:
                            yield labels + more, number

            return read

        return tuple(
            Metric(
                name=self.name + ending,
                type="histogram",
                source=self.source,
                help=self.help,
                read=only(ending),
                unit=self.unit,
                labels=self.labels,
            )
            for ending in ("_bucket", "_sum", "_count")
        )


def histogram_series(found: Histogram) -> Iterator[tuple[str, Labels, Number]]:
    """(what the name ends in, label le of a bucket, number) of each series of a histogram."""
    count = 0
    for le, more in zip(_les(found.bounds), found.counts, strict=True):
        count += more
        yield "_bucket", le, count
    yield "_sum", NO_LABELS, found.total
    yield "_count", NO_LABELS, count


@functools.cache
def _les(bounds: tuple[float, ...]) -> tuple[Labels, ...]:
    return (*((("le", str(float(bound))),) for bound in bounds), (("le", "+Inf"),))


AnyMetric = Metric | HistogramMetric | SnapshotMetric


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Rows of a Sample which several metrics tell one column each of. Told apart by identity."""

    fields: tuple[str, ...]
    """Names of the columns."""
    rows: Callable[[Sample, Snapshot], Iterable[tuple[Labels, Row]]]
    """(labels, one value for each of `fields`)."""
    labels: tuple[str, ...] = ()
    """Names of the labels."""
    single: Callable[[Sample], Row | None] | None = None
    """Where a Sample has one row, without labels: the same row for the encoder, faster."""


class Column:
    """A column of a table: one series a row. Called with a Sample and its Snapshot, the series."""

    __slots__ = ("place", "table", "usec")

    def __init__(self, table: Table, name: str, *, usec: bool = False) -> None:
        """`usec`: it is in microseconds, and to be told in seconds."""
        self.table = table
        self.place = table.fields.index(name)
        self.usec = usec

    def __call__(
        self, sample: Sample, snapshot: Snapshot
    ) -> Iterable[tuple[Labels, Number | None]]:
        """Each row's labels and number."""
        for labels, row in self.table.rows(sample, snapshot):
            number = row[self.place]
            yield labels, units.seconds(number) if self.usec and number is not None else number


Part = Value | Column


def unit_of(name: str) -> Unit:
    """The unit a name ends in, or ""."""
    ending = name.removesuffix("_total").rpartition("_")[2]
    if ending == "seconds":
        return "seconds"
    return "bytes" if ending == "bytes" else ""


def stability(name: str) -> Stability:
    """stable for cAdvisor's names, beta for ours."""
    return "stable" if name in NAMES else "beta"


def counter(
    name: str,
    source: str,
    text: str,
    value: Part,
    *,
    unit: Unit = "",
    labels: Labels = NO_LABELS,
) -> Metric:
    """A counter of one series a Sample, or a row; each has `labels`."""
    return _metric("counter", name, source, text, ((labels, value),), unit)


def gauge(
    name: str,
    source: str,
    text: str,
    value: Part,
    *,
    unit: Unit = "",
    labels: Labels = NO_LABELS,
) -> Metric:
    """A gauge of one series a Sample, or a row; each has `labels`."""
    return _metric("gauge", name, source, text, ((labels, value),), unit)


def untyped(name: str, source: str, text: str, value: Part) -> Metric:
    """A counter by a name that no format allows a counter; OpenMetrics calls it unknown."""
    return _metric("untyped", name, source, text, ((NO_LABELS, value),), "")


def counters(name: str, source: str, text: str, *parts: tuple[Labels, Part]) -> Metric:
    """A counter of a few series a Sample, told apart by labels that are always the same."""
    return _metric("counter", name, source, text, parts, "")


def gauges(name: str, source: str, text: str, *parts: tuple[Labels, Part]) -> Metric:
    """A gauge of a few series a Sample, told apart by labels that are always the same."""
    return _metric("gauge", name, source, text, parts, "")


def one(value: Value, labels: Labels = NO_LABELS) -> Series:
    """One series."""
    return lambda sample, _: ((labels, value(sample)),)


def field(name: str) -> Value:
    """A number of the reading itself: "memory_current"."""
    return operator.attrgetter(f"reading.{name}")


def key(file: str, name: str) -> Column:
    """A key of one of the reading's files: "cpu_stat", "nr_periods"."""
    return Column(_file(file), name)


def seconds(usec: Part) -> Part:
    """Microseconds to seconds."""
    if isinstance(usec, Column):
        return Column(usec.table, usec.table.fields[usec.place], usec=True)

    def value(sample: Sample) -> Number | None:
        number = usec(sample)
        return None if number is None else units.seconds(int(number))

    return value


def limit(name: str) -> Value:
    """A limit of the reading; 0 is cAdvisor's way to say "no limit"."""
    get = operator.attrgetter(f"reading.{name}")

    def value(sample: Sample) -> Number | None:
        number: Limit | None = get(sample)
        return 0 if number is UNLIMITED else number

    return value


def one_row(fields: tuple[str, ...], get: Callable[[Sample], Row | None]) -> Table:
    """A table of one row a Sample, without labels."""

    def rows(sample: Sample, _: Snapshot) -> Iterable[tuple[Labels, Row]]:
        found = get(sample)
        return () if found is None else ((NO_LABELS, found),)

    return Table(fields, rows, single=get)


@functools.cache
def _file(name: str) -> Table:
    """The table of one row that a file of the reading is, by its keys."""
    return one_row(_keys(name), operator.attrgetter(f"reading.{name}"))


def _keys(name: str) -> tuple[str, ...]:
    for kind in typing.get_args(hints(CgroupReading)[name]):
        if hasattr(kind, "_fields"):
            return tuple(kind._fields)
    raise TypeError(f"CgroupReading.{name} has no keys")


def _series(parts: tuple[tuple[Labels, Part], ...]) -> Series:
    def series(sample: Sample, snapshot: Snapshot) -> Iterable[tuple[Labels, Number | None]]:
        for labels, part in parts:
            if isinstance(part, Column):
                for own, number in part(sample, snapshot):
                    yield labels + own, number
            else:
                yield labels, part(sample)

    return series


def _metric(
    kind: Type,
    name: str,
    source: str,
    text: str,
    parts: tuple[tuple[Labels, Part], ...],
    unit: Unit,
) -> Metric:
    labels, part = parts[0]
    return Metric(
        name=name,
        type=kind,
        source=source,
        help=text,
        read=_series(parts),
        unit=unit,
        labels=tuple(label for label, _ in labels)
        + (part.table.labels if isinstance(part, Column) else ()),
        parts=parts,
    )
