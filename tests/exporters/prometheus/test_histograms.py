"""Classic histograms on the page in both formats, and in remote write."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as openmetrics_families,
)

from agent.bpf.durations import BOUNDS_NS, SLOTS, Durations
from agent.model import Sample, Snapshot
from exporters.prometheus.durations import histogram, log2_histogram
from exporters.prometheus.encoder import Encoder
from exporters.prometheus.format import OPENMETRICS
from exporters.prometheus.metric import Histogram, HistogramMetric, Labels, histogram_series
from tests.agent.snapshots import snapshot
from tests.exporters.prometheus.shown import any_sample, shown

FOUND = Histogram((0.001, 0.5), (3, 0, 2), 7.25)


def read(_: Sample, __: Snapshot) -> Iterable[tuple[Labels, Histogram]]:
    yield (("op", "read"),), FOUND
    yield (("op", "write"),), Histogram((0.001, 0.5), (0, 0, 1), 9.0)


TIMES = HistogramMetric(
    name="container_it_seconds", source="BPF it", help="Time of it.", read=read, labels=("op",)
)


def test_buckets_are_added_up_and_the_last_is_the_count() -> None:
    page = shown([TIMES], any_sample())
    assert page["container_it_seconds_bucket"] == {
        ("0.001", "read"): 3,
        ("0.5", "read"): 3,
        ("+Inf", "read"): 5,
        ("0.001", "write"): 0,
        ("0.5", "write"): 0,
        ("+Inf", "write"): 1,
    }
    assert page["container_it_seconds_count"] == {("read",): 5, ("write",): 1}
    assert page["container_it_seconds_sum"] == {("read",): 7.25, ("write",): 9.0}


def test_a_strict_parser_takes_it_as_openmetrics() -> None:
    text = b"".join(Encoder([TIMES]).encode(snapshot(any_sample()), OPENMETRICS)) + OPENMETRICS.end
    (family,) = openmetrics_families(text.decode())  # type: ignore[no-untyped-call]
    assert (family.name, family.type, family.unit) == (
        "container_it_seconds",
        "histogram",
        "seconds",
    )
    assert len(family.samples) == 10


def test_as_families_of_one_name_each_it_has_the_same_series() -> None:
    sample = any_sample()
    taken = snapshot(sample)
    by_name = {
        family.name: dict(family.read(sample, taken))
        for family in TIMES.families()
        if family.type == "histogram"
    }
    assert by_name["container_it_seconds_bucket"][("op", "read"), ("le", "+Inf")] == 5
    assert by_name["container_it_seconds_sum"] == {
        (("op", "read"),): 7.25,
        (("op", "write"),): 9.0,
    }
    assert by_name["container_it_seconds_count"][(("op", "write"),)] == 1


@given(st.lists(st.integers(0, 2**40), min_size=SLOTS, max_size=SLOTS), st.integers(0, 2**60))
def test_durations_keep_their_counts_and_become_seconds(counts: list[int], ns: int) -> None:
    found = histogram(Durations(tuple(counts), ns))
    assert found.bounds[0] == BOUNDS_NS[0] / 1e9 == 0.000016
    series = {(end, le): number for end, le, number in histogram_series(found)}
    assert series["_count", ()] == sum(counts)
    assert series["_bucket", (("le", "1.6e-05"),)] == counts[0]


@given(st.lists(st.integers(0, 2**40), min_size=32, max_size=32))
def test_a_log2_histogram_loses_no_value_and_moves_none_over_a_bound(counts: list[int]) -> None:
    found = log2_histogram(counts, 0)
    assert sum(found.counts) == sum(counts)
    below = 0
    for bound, more in zip(found.bounds, found.counts, strict=False):
        below += more
        assert below == sum(n for i, n in enumerate(counts) if (2 << i) <= round(bound * 1e9))
