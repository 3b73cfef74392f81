"""The agent's families are prometheus_client's own, byte for byte."""

from __future__ import annotations

import os

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.process_collector import ProcessCollector

from agent.families import Family, counter, gauge, histogram, info, single, write
from agent.own_process import OwnProcess

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
NUMBERS = st.one_of(st.floats(), st.integers(-(10**12), 10**12))


class Theirs:
    def __init__(self, *families: Metric) -> None:
        self._families = families

    def collect(self) -> tuple[Metric, ...]:
        return self._families


def as_theirs(*families: Metric) -> tuple[str, str]:
    registry = CollectorRegistry()
    registry.register(Theirs(*families))
    openmetrics = generate_openmetrics(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry).decode(), openmetrics.decode().removesuffix("# EOF\n")


def as_ours(*families: Family) -> tuple[str, str]:
    return write(families).decode(), write(families, openmetrics=True).decode()


@given(st.lists(st.tuples(TEXTS, TEXTS, NUMBERS), max_size=4), TEXTS)
def test_series_and_help_are_written_alike(rows: list[tuple[str, str, float]], text: str) -> None:
    names = ["zone", "cause"]
    ours = counter("agent_x", text, names), gauge("agent_y", text, names)
    counters = CounterMetricFamily("agent_x", text, labels=names)
    gauges = GaugeMetricFamily("agent_y", text, labels=names)
    for first, second, number in rows:
        for mine in ours:
            mine.add([first, second], number)
        counters.add_metric([first, second], number)
        gauges.add_metric([first, second], number)
    assert as_ours(*ours) == as_theirs(counters, gauges)


@given(TEXTS, st.floats(0, 1e9))
def test_histograms_and_facts_are_written_alike(text: str, total: float) -> None:
    buckets = [("0.1", 1.0), ("2.5", 3.0), ("+Inf", 7.0)]
    mine, other = (
        histogram("agent_h", "H.", ["a"]),
        HistogramMetricFamily("agent_h", "H.", labels=["a"]),
    )
    mine.add_histogram([text], buckets, total)
    other.add_metric([text], buckets, total)
    ours = as_ours(mine, info("agent_i", "I.", {"version": text}), single("gauge", "g", "G.", 2))
    assert ours == as_theirs(
        other,
        InfoMetricFamily("agent_i", "I.", value={"version": text}),
        GaugeMetricFamily("g", "G.", value=2),
    )


def test_a_name_that_is_no_utf_8_is_told_as_its_bytes() -> None:
    family = gauge("agent_x", "X.", ["name"])
    family.add([b"a\xff".decode("utf-8", "surrogateescape")], 1)
    assert write([family]).splitlines()[-1] == rb'agent_x{name="a\\xff"} 1.0'


def test_this_process_is_told_as_every_client_tells_it() -> None:
    theirs = {family.name: family for family in ProcessCollector(registry=None).collect()}
    ours = {family.name: family for family in OwnProcess().collect()}
    assert ours.keys() == theirs.keys()
    for name, family in ours.items():
        assert (family.type, family.documentation) == (
            theirs[name].type,
            theirs[name].documentation,
        )
    for name in ("process_start_time_seconds", "process_max_fds"):
        assert ours[name].samples[0].value == theirs[name].samples[0].value


def test_open_files_are_counted() -> None:
    def opened() -> float:
        (family,) = (f for f in OwnProcess().collect() if f.name == "process_open_fds")
        return family.samples[0].value

    before = opened()
    files = [os.open("/dev/null", os.O_RDONLY) for _ in range(5)]
    try:
        assert opened() == before + 5
    finally:
        for fd in files:
            os.close(fd)
