"""exporters.prometheus.document: docs/metrics.md says what the catalogue says."""

from __future__ import annotations

import re

from exporters.prometheus.catalog import GROUPS
from exporters.prometheus.document import PATH, document


def test_the_document_is_current() -> None:
    assert PATH.read_text() == document(), "run python -m exporters.prometheus.document"


def test_every_metric_stands_in_it_once_with_what_it_is() -> None:
    rows = [line for line in document().splitlines() if line.startswith("| `")]
    for group in GROUPS:
        for metric in group.metrics:
            (row,) = (line for line in rows if line.startswith(f"| `{metric.name}`"))
            assert metric.type in row
            assert metric.help.split("*")[0].split("<")[0] in row


def test_the_rows_of_a_table_follow_each_other() -> None:
    assert "|\n\n|" not in document()


def test_every_link_leads_to_a_heading() -> None:
    text = document()
    headings = {line.removeprefix("## ").lower() for line in re.findall(r"(?m)^## .+$", text)}
    links = set(re.findall(r"\]\(#([^)]+)\)", text))
    assert links
    assert links <= headings
