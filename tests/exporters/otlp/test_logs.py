"""exporters/otlp/logs.py"""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.logs.chunk import Entry
from exporters.otlp.logs import (
    NotAnExportAnswer,
    RecordEncoder,
    export_body,
    items,
    rejected,
)
from tests.log_entries import ENTRIES, FIELDS, entry

WHO = {"container_name": "web", "container_id": "ab" * 32, "image": "demo:1"}


def resources(*payloads: bytes) -> list[tuple[dict[str, str], list[dict[str, object]]]]:
    """(resource attributes, log records)"""
    found = []
    for item in json.loads(export_body(b"".join(payloads)))["resourceLogs"]:
        (scope,) = item["scopeLogs"]
        assert scope["scope"] == {"name": "container-agent"}
        found.append((attributes(item["resource"]), scope["logRecords"]))
    return found


def attributes(of: dict[str, object]) -> dict[str, str]:
    pairs = of.get("attributes", [])
    assert isinstance(pairs, list)
    named = {pair["key"]: pair["value"]["stringValue"] for pair in pairs}
    assert len(named) == len(pairs), "a key twice"
    return named


def test_a_container_is_a_resource_by_the_names_of_the_conventions() -> None:
    ((who, (record,)),) = resources(RecordEncoder(WHO, "node-7").encode([entry("a")]))
    assert who == {
        "host.name": "node-7", "container.name": "web", "container.id": "ab" * 32,
        "container.image.name": "demo:1",
    }  # fmt: skip
    assert record == {
        "timeUnixNano": "1795490176105173157",
        "body": {"stringValue": "a"},
        "attributes": [{"key": "log.iostream", "value": {"stringValue": "stdout"}}],
    }


def test_a_pods_container_has_kubernetes_names() -> None:
    fields = {**WHO, "namespace": "shop", "pod": "web-7", "pod_uid": "u"}
    ((who, _),) = resources(RecordEncoder(fields, "n").encode([entry("a")]))
    assert who["k8s.container.name"] == "web"
    assert (who["k8s.namespace.name"], who["k8s.pod.name"], who["k8s.pod.uid"]) == (
        "shop", "web-7", "u",
    )  # fmt: skip
    assert "container.name" not in who


def test_a_level_is_a_severity_and_what_else_there_is_an_attribute() -> None:
    line: Entry = (1, "", b"a", {"level": "warning", "attrs": {"env": "prod"}}, False)
    ((_, (record,)),) = resources(RecordEncoder({}, "n").encode([line]))
    assert (record["severityNumber"], record["severityText"]) == (13, "WARN")
    assert attributes(record) == {"level": "warning", "attrs.env": "prod"}


@given(ENTRIES, FIELDS)
def test_any_entry_is_a_record_with_its_text_and_its_time(
    entries: list[Entry], fields: dict[str, str]
) -> None:
    found = resources(RecordEncoder(fields, "node").encode(entries))
    assert len(found) == bool(entries)
    records = [record for _, some in found for record in some]
    assert [(r["timeUnixNano"], r["body"]) for r in records] == [
        (str(e[0]), {"stringValue": e[2].decode()}) for e in entries
    ]
    for record, one in zip(records, entries, strict=True):
        assert record.get("severityNumber", 1) in (1, 5, 9, 13, 17, 21)
        assert attributes(record).get("log.iostream", "") == one[1] or (
            one[3] is not None and "log.iostream" in one[3]
        )


@given(st.lists(st.tuples(ENTRIES.filter(bool), FIELDS), min_size=1, max_size=4))
def test_a_payload_is_cut_between_containers(
    containers: list[tuple[list[Entry], dict[str, str]]],
) -> None:
    whole = [RecordEncoder(fields, "node").encode(entries) for entries, fields in containers]
    assert list(items(b"".join(whole))) == whole


@pytest.mark.parametrize(
    ("body", "count", "why"),
    [
        (b"", 0, ""),
        (b"{}", 0, ""),
        (b'{"partialSuccess":{}}', 0, ""),
        (b'{"partialSuccess":{"rejectedLogRecords":"3","errorMessage":"too old"}}', 3, "too old"),
        (b'{"partialSuccess":{"rejectedLogRecords":3}}', 3, ""),
        (b'{"partialSuccess":{"errorMessage":"a warning"}}', 0, "a warning"),
    ],
)
def test_a_partial_success_says_how_many_and_why(body: bytes, count: int, why: str) -> None:
    assert rejected(body) == (count, why)


@pytest.mark.parametrize(
    "body",
    [b"<html>", b"[]", b'{"partialSuccess":7}', b'{"partialSuccess":{"rejectedLogRecords":"x"}}'],
)
def test_any_other_answer_is_refused(body: bytes) -> None:
    with pytest.raises(NotAnExportAnswer):
        rejected(body)


@given(st.binary(max_size=60))
def test_no_answer_does_anything_but_count_or_get_refused(body: bytes) -> None:
    try:
        assert rejected(body)[0] >= 0
    except NotAnExportAnswer:
        pass
