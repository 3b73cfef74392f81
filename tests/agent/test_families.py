"""The agent's families are what prometheus_client's are, to its own readers."""

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
from prometheus_client.parser import text_string_to_metric_families as read_text
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


def theirs(*families: Metric) -> tuple[bytes, bytes]:
    registry = CollectorRegistry()
    registry.register(Theirs(*families))
    return generate_latest(registry), generate_openmetrics(registry)  # type: ignore[no-untyped-call]


def ours(*families: Family) -> tuple[bytes, bytes]:
    return write(families), write(families, openmetrics=True) + b"# EOF\n"


def told(pages: tuple[bytes, bytes]) -> list[object]:
    """
    The comment lines of both formats as they are, and the series as they are read.

    OpenMetrics' reader refuses some numbers; its series are to be those of the other format.
    """
    text, openmetrics = (page.decode().split("\n") for page in pages)
    heads = [[line for line in page if line.startswith("#")] for page in (text, openmetrics)]
    series = [[line for line in page if not line.startswith("#")] for page in (text, openmetrics)]
    assert series[0] == series[1]
    read = read_text("\n".join(text))
    samples = [(s.name, sorted(s.labels.items()), float(s.value)) for f in read for s in f.samples]
    return [heads, repr(samples)]


@given(st.lists(st.tuples(TEXTS, TEXTS, NUMBERS), max_size=4), TEXTS)
def test_series_and_help_are_written_alike(rows: list[tuple[str, str, float]], text: str) -> None:
    names = ["zone", "cause"]
    mine = counter("agent_x", text, names), gauge("agent_y", text, names)
    counters = CounterMetricFamily("agent_x", text, labels=names)
    gauges = GaugeMetricFamily("agent_y", text, labels=names)
    for first, second, number in rows:
        for family in mine:
            family.add([first, second], number)
        counters.add_metric([first, second], number)
        gauges.add_metric([first, second], number)
    assert told(ours(*mine)) == told(theirs(counters, gauges))


@given(TEXTS, st.floats(0, 1e9))
def test_histograms_and_facts_are_written_alike(text: str, total: float) -> None:
    buckets = [("0.1", 1.0), ("2.5", 3.0), ("+Inf", 7.0)]
    mine, other = (
        histogram("agent_h", "H.", ["a"]),
        HistogramMetricFamily("agent_h", "H.", labels=["a"]),
    )
    mine.add_histogram([text], buckets, total)
    other.add_metric([text], buckets, total)
    mine_too = info("agent_i", "I.", {"version": text}), single("gauge", "g", "G.", 2)
    others = (
        InfoMetricFamily("agent_i", "I.", value={"version": text}),
        GaugeMetricFamily("g", "G.", value=2),
    )
    assert told(ours(mine, *mine_too)) == told(theirs(other, *others))


def test_a_name_that_is_no_utf_8_is_told_as_its_bytes() -> None:
    family = gauge("agent_x", "X.", ["name"])
    family.add([b"a\xff".decode("utf-8", "surrogateescape")], 1)
    assert write([family]).splitlines()[-1] == rb'agent_x{name="a\\xff"} 1'


def test_this_process_is_told_as_every_client_tells_it() -> None:
    every = {family.name: family for family in ProcessCollector(registry=None).collect()}
    mine = {family.name: family for family in OwnProcess().collect()}
    assert mine.keys() == every.keys()
    for name, family in mine.items():
        assert (family.type, family.help) == (every[name].type, every[name].documentation)
    for name in ("process_start_time_seconds", "process_max_fds"):
        assert mine[name].series[0].value == every[name].samples[0].value


def test_open_files_are_counted() -> None:
    def opened() -> float:
        (family,) = (f for f in OwnProcess().collect() if f.name == "process_open_fds")
        return family.series[0].value

    before = opened()
    files = [os.open("/dev/null", os.O_RDONLY) for _ in range(5)]
    try:
        assert opened() == before + 5
    finally:
        for fd in files:
            os.close(fd)
