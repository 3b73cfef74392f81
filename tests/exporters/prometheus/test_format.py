"""exporters.prometheus.format: both formats are valid, and say the same."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as openmetrics_families,
)
from prometheus_client.parser import text_string_to_metric_families as text_families

from agent.container.container import Container
from agent.model import Snapshot
from exporters.prometheus.catalog import GROUPS, metrics_of
from exporters.prometheus.encoder import Encoder
from exporters.prometheus.format import OPENMETRICS, TEXT, Format
from exporters.prometheus.labels import CadvisorLabels
from tests.agent.snapshots import docker, interface, sample
from tests.exporters.prometheus import whole

EVERY = metrics_of(GROUPS)
Parse = Callable[[str], list[Family]]


def page(made: Snapshot, form: Format, encoder: Encoder | None = None) -> str:
    return (b"".join((encoder or Encoder(EVERY)).encode(made, form)) + form.end).decode()


def parse_text(text: str) -> list[Family]:
    return list(text_families(text))


def parse_openmetrics(text: str) -> list[Family]:
    return list(openmetrics_families(text))  # type: ignore[no-untyped-call]


FORMATS = pytest.mark.parametrize(
    ("form", "parse"),
    [(TEXT, parse_text), (OPENMETRICS, parse_openmetrics)],
    ids=["text", "openmetrics"],
)


def series(families: list[Family]) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (found.name, frozenset(found.labels.items())): found.value
        for family in families
        for found in family.samples
    }


def test_both_formats_have_the_same_series() -> None:
    made = whole.snapshot()
    text = series(parse_text(page(made, TEXT)))
    assert text == series(parse_openmetrics(page(made, OPENMETRICS)))
    assert len(text) > 300


def test_openmetrics_names_counters_without_total_and_ends_once() -> None:
    text = page(whole.snapshot(), OPENMETRICS)
    assert text.endswith("\n# EOF\n")
    assert text.count("# EOF") == 1
    assert "# TYPE container_cpu_usage_seconds counter\n" in text
    assert "# UNIT container_cpu_usage_seconds seconds\n" in text
    assert "\ncontainer_cpu_usage_seconds_total{" in text
    assert "# TYPE container_memory_failcnt unknown\n" in text


def test_a_unit_is_told_only_where_the_name_ends_in_it() -> None:
    families = parse_openmetrics(page(whole.snapshot(), OPENMETRICS))
    units = {family.name: family.unit for family in families}
    assert units["container_memory_usage_bytes"] == "bytes"
    assert units["container_memory_rss"] == ""
    assert units["container_spec_cpu_period"] == ""


def test_text_types_are_by_the_name_that_samples_have() -> None:
    text = page(whole.snapshot(), TEXT)
    assert "# TYPE container_cpu_usage_seconds_total counter\n" in text
    assert "# TYPE container_memory_failcnt untyped\n" in text
    assert "# UNIT" not in text
    assert "# EOF" not in text


@FORMATS
def test_help_with_quotes_and_newlines_comes_back(form: Format, parse: Parse) -> None:
    text = 'A "quoted" back\\slash and\na second line.'
    (metric,) = (m for m in EVERY if m.name == "machine_cpu_cores")
    odd = dataclasses.replace(metric, help=text)
    (family,) = parse(page(whole.snapshot(), form, Encoder([odd])))
    assert family.documentation == text


NAMES = st.text(max_size=60) | st.binary(max_size=60).map(
    lambda data: data.decode("utf-8", "surrogateescape")
)
# Characters both parsers of client_python take for the end of a line, which the formats do not.
LINE_ENDS = "\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
FRIENDLY = NAMES.map(lambda text: text.translate(dict.fromkeys(map(ord, LINE_ENDS), "·")))


@FORMATS
@settings(max_examples=40, deadline=None)
@given(name=FRIENDLY, image=FRIENDLY, label=FRIENDLY, device=FRIENDLY)
def test_whatever_things_are_called_the_page_is_valid_and_nothing_else_is_lost(
    form: Format, parse: Parse, name: str, image: str, label: str, device: str
) -> None:
    odd = Container(
        runtime="docker", id="1", name=name, image=image, labels={"team": label, label: name}
    )
    good = sample(whole.READING, inode=3, path="/docker/good", container=docker("good"))
    made = whole.snapshot(
        sample(
            whole.READING,
            inode=2,
            path=f"/docker/{name.replace('/', '_')}",
            container=odd,
            network=(interface(device, 1, 2),),
        ),
        good,
    )
    for labels in (None, CadvisorLabels(["team", label])):
        found = series(parse(page(made, form, Encoder(EVERY, labels))))
        of_good = {key for key in found if ("id", "/docker/good") in key[1]}
        alone = series(parse(page(whole.snapshot(good), form, Encoder(EVERY))))
        assert len(of_good) == len({key for key in alone if ("id", "/docker/good") in key[1]})
        assert len(found) > 2 * len(of_good) - 10


@FORMATS
def test_labels_of_a_mebibyte_keep_the_page_valid_and_small(form: Format, parse: Parse) -> None:
    huge = "x" * 2**20
    made = whole.snapshot(
        sample(
            whole.READING,
            inode=2,
            path="/docker/1",
            container=Container(
                runtime="docker", id="1", name=huge, image=huge, labels={"team": huge}
            ),
        )
    )
    for labels in (None, CadvisorLabels(["team"])):
        text = page(made, form, Encoder(EVERY, labels))
        assert len(text) < 2**20
        assert len(series(parse(text))) > 100


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_promtool_complains_of_nothing_but_cadvisors_own_names() -> None:
    checked = subprocess.run(
        ["promtool", "check", "metrics"],
        input=page(whole.snapshot(), TEXT).encode(),
        capture_output=True,
    )
    said = (checked.stdout + checked.stderr).decode().splitlines()
    # tcp_usage_total and the like are gauges by a counter's name, in cAdvisor and so here.
    assert [line for line in said if "non-counter metrics should not have" not in line] == []
