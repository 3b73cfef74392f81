"""One metric of the page, and the usual ways to read one from a Sample.

A `Value` gives one number or None (this host did not say: no series). A `Series` gives (labels,
number) pairs, for metrics with labels beside the base ones. Units change here and in the groups, on
the way out, and nowhere before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from agent import units
from agent.kernelfile import UNLIMITED, Limit
from agent.model import Sample, Snapshot

Number = int | float
Labels = tuple[tuple[str, str], ...]
"""(name, value) pairs."""
Value = Callable[[Sample], Number | None]
Series = Callable[[Sample, Snapshot], Iterable[tuple[Labels, Number | None]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric family of the container series."""

    name: str
    type: Literal["counter", "gauge", "untyped"]
    source: str
    """Kernel file and key, by cgroup v2's names."""
    help: str
    """A full sentence, with the unit."""
    read: Series
    """The series of one Sample, without the base labels."""


def counter(name: str, source: str, text: str, value: Value) -> Metric:
    """A counter without labels of its own."""
    return Metric(name=name, type="counter", source=source, help=text, read=one(value))


def gauge(name: str, source: str, text: str, value: Value) -> Metric:
    """A gauge without labels of its own."""
    return Metric(name=name, type="gauge", source=source, help=text, read=one(value))


def one(value: Value, labels: Labels = ()) -> Series:
    """One series."""
    return lambda sample, _: ((labels, value(sample)),)


def field(name: str) -> Value:
    """A number of the reading itself: "memory_current"."""
    return lambda sample: getattr(sample.reading, name)


def key(file: str, name: str) -> Value:
    """A key of one of the reading's files: "cpu_stat", "nr_periods"."""

    def value(sample: Sample) -> Number | None:
        parsed = getattr(sample.reading, file)
        return None if parsed is None else getattr(parsed, name)

    return value


def seconds(usec: Value) -> Value:
    """Microseconds to seconds."""

    def value(sample: Sample) -> Number | None:
        number = usec(sample)
        return None if number is None else units.seconds(int(number))

    return value


def limit(name: str) -> Value:
    """A limit of the reading; 0 is cAdvisor's way to say "no limit"."""

    def value(sample: Sample) -> Number | None:
        number: Limit | None = getattr(sample.reading, name)
        return 0 if number is UNLIMITED else number

    return value
