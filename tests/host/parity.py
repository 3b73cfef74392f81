"""What of a kubelet's /metrics/cadvisor is not on a page of ours, and may not be so. Pure.

A series is a name and its labels with their values. Values are compared in time: the kubelet looks
at a container each 10 s or so and gives the moment with each value; ours are read at each scrape.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

Key = tuple[str, tuple[tuple[str, str], ...]]
"""Name, and sorted labels."""
LOOKING: Final = 1.5
"""Seconds a look of the kubelet's may take, and a page of ours may be old."""
_TYPE = re.compile(r"^# TYPE (\S+) (\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Told:
    """One value of a page."""

    value: float
    at: float | None
    """Unix time, where the page says it."""


@dataclass(frozen=True, slots=True)
class Series:
    """One page."""

    told: Mapping[Key, Told]
    types: Mapping[str, str]
    """By name."""

    @property
    def names(self) -> set[str]:
        """Of all series."""
        return {name for name, _ in self.told}


@dataclass(frozen=True, slots=True)
class Scrape:
    """A page of ours, and when it was asked for and had come."""

    begun: float
    ended: float
    page: Series


def parse(text: str, within: Callable[[Mapping[str, str]], bool] = lambda _: True) -> Series:
    """A page's series whose labels are `within`."""
    # Without types the parser leaves the names as they are: it would end a counter's in _total.
    samples = "".join(f"{line}\n" for line in text.splitlines() if not line.startswith("#"))
    told = {
        (sample.name, tuple(sorted(sample.labels.items()))): Told(
            sample.value, None if sample.timestamp is None else float(sample.timestamp)
        )
        for family in text_string_to_metric_families(samples)
        for sample in family.samples
        if within(sample.labels)
    }
    return Series(told, dict(_TYPE.findall(text)))


def missing(theirs: Series, ours: Series) -> list[Key]:
    """The series of theirs that are not on ours, by name and every label."""
    return sorted(key for key in theirs.told if key not in ours.told)


def bracket(scrapes: Sequence[Scrape], key: Key, at: float) -> list[float]:
    """
    Our values from the last that was read before `at` to the first read after a look at `at`.

    Empty where there is no page from before or after.
    """
    told = [scrape for scrape in scrapes if key in scrape.page.told]
    before = [place for place, scrape in enumerate(told) if scrape.ended <= at]
    after = [place for place, scrape in enumerate(told) if scrape.begun >= at + LOOKING]
    if not before or not after:
        return []
    return [scrape.page.told[key].value for scrape in told[before[-1] : after[0] + 1]]


def is_within(value: float, ours: Sequence[float], parts: float = 0.0, units: float = 1e-6) -> bool:
    """Whether `value` is between the least and the greatest of ours, give or take."""
    low, high = min(ours), max(ours)
    return low - abs(low) * parts - units <= value <= high + abs(high) * parts + units
