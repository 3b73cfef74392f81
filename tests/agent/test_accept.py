"""agent.accept: which format a scraper gets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.accept import choose, parse

TEXT = parse("text/plain; version=0.0.4; charset=utf-8")
OPENMETRICS = parse("application/openmetrics-text; version=1.0.0; charset=utf-8")

PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0,"
    "application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
    "application/openmetrics-text;version=0.0.1;q=0.4,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,"
    "text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
)
PROMETHEUS_3_NATIVE = (
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
    ";q=0.6," + PROMETHEUS_3
)
VMAGENT = "text/plain;version=0.0.4;q=1,*/*;q=0.1"


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("", TEXT),
        ("*/*", TEXT),
        (PROMETHEUS_2, OPENMETRICS),
        (PROMETHEUS_3, OPENMETRICS),
        (PROMETHEUS_3_NATIVE, OPENMETRICS),
        (VMAGENT, TEXT),
        # client_python takes the first it knows and gives OpenMetrics here.
        ("application/openmetrics-text;version=1.0.0;q=0.3, text/plain;version=0.0.4;q=0.9", TEXT),
        ("text/plain;version=0.0.4;q=0.9, application/openmetrics-text;q=0.91", OPENMETRICS),
        ("application/openmetrics-text;version=0.0.1", None),
        ("application/openmetrics-text;version=2.0.0, text/plain;q=0.1", TEXT),
        ("text/plain;version=1.0.0", None),
        ("text/*;q=0.2, application/*;q=0.8", OPENMETRICS),
        ("text/plain;q=0, */*;q=0.1", OPENMETRICS),
        ("application/openmetrics-text;q=0, */*", TEXT),
        ("text/plain;q=0.5;version=0.0.4, application/openmetrics-text;q=0.4", TEXT),
        ("Text/Plain; Version=0.0.4", TEXT),
        ('application/openmetrics-text; version="1.0.0"', OPENMETRICS),
        ('x/y;a="1,2;q=1", application/openmetrics-text', OPENMETRICS),
        ("image/png", None),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", TEXT),
        ("application/openmetrics-text;q=2, text/plain;q=0.1", TEXT),
        ("application/openmetrics-text;q=high, text/plain;q=0.1", TEXT),
        (" , ,", TEXT),
    ],
)
def test_the_clients_weights_decide(accept: str, wanted: object) -> None:
    place = choose(accept, (TEXT, OPENMETRICS))
    assert (None if place is None else (TEXT, OPENMETRICS)[place]) == wanted


def test_of_equal_weights_the_servers_order_decides() -> None:
    both = "application/openmetrics-text, text/plain"
    assert choose(both, (TEXT, OPENMETRICS)) == 0
    assert choose(both, (OPENMETRICS, TEXT)) == 0


@given(st.text())
def test_no_header_breaks_it(accept: str) -> None:
    assert choose(accept, (TEXT, OPENMETRICS)) in (None, 0, 1)


@given(st.lists(st.sampled_from([*'/*;,=q01. "\\', "text/plain", "version"]), max_size=30))
def test_nor_does_one_that_looks_like_a_header(words: list[str]) -> None:
    assert choose("".join(words), (TEXT, OPENMETRICS)) in (None, 0, 1)
