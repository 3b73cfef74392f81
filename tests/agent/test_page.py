"""agent.page: one document of two parts, in the format the client likes."""

from __future__ import annotations

import pytest
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as openmetrics_families,
)
from prometheus_client.parser import text_string_to_metric_families as text_families

from agent.model import Snapshot
from agent.page import Page
from agent.snapshots import Snapshots
from agent.telemetry import Telemetry
from exporters.prometheus.encoder import Encoder
from exporters.prometheus.format import OPENMETRICS, TEXT, Format
from tests.agent.test_accept import PROMETHEUS_2, PROMETHEUS_3
from tests.exporters.prometheus import whole


class FakeSampler:
    def snapshot(self, late: float = 0.0) -> Snapshot:
        return whole.snapshot()


def page() -> Page[Format]:
    return Page(Snapshots(FakeSampler(), 10), Encoder(), Telemetry())


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", TEXT),
        ("text/plain", TEXT),
        ("image/png", TEXT),
        (PROMETHEUS_2, OPENMETRICS),
        (PROMETHEUS_3, OPENMETRICS),
    ],
)
def test_the_format_is_what_the_client_likes_and_text_where_it_takes_neither(
    accept: str, form: Format
) -> None:
    assert page().metrics(accept)[0] == form.content_type


def test_both_parts_are_one_openmetrics_document() -> None:
    text = b"".join(page().metrics(PROMETHEUS_3)[1]).decode()
    assert text.count("# EOF") == 1
    assert text.endswith("# EOF\n")
    families = {f.name: f for f in openmetrics_families(text)}  # type: ignore[no-untyped-call]
    assert families["container_cpu_usage_seconds"].type == "counter"
    assert families["process_cpu_seconds"].type == "counter"


def test_both_parts_are_one_text_document() -> None:
    text = b"".join(page().metrics()[1]).decode()
    names = [family.name for family in text_families(text)]
    assert {"container_memory_rss", "agent_build_info"} <= set(names)
    assert len(names) == len(set(names))


def test_whoever_wants_to_know_is_told_once_a_page_is_made() -> None:
    told: list[str] = []
    made = Page(Snapshots(FakeSampler(), 10), Encoder(), Telemetry(), lambda: told.append("made"))
    _, pieces = made.metrics()
    next(pieces)
    assert told == []
    assert len(list(pieces)) > 1
    assert told == ["made"]


def test_there_is_no_page_before_the_first_reading() -> None:
    made = page()
    assert made.not_ready() == "the host has not been read yet"
    list(made.metrics()[1])
    assert made.not_ready() is None
