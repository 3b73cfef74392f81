"""exporters/elasticsearch/bulk.py"""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.logs.chunk import Entry
from agent.logs.timestamps import parse_rfc3339
from exporters.elasticsearch.bulk import (
    BulkEncoder,
    NotABulkAnswer,
    Result,
    documents,
    index_name,
    results,
)
from tests.log_entries import ENTRIES, FIELDS, entry

WHO = {"container_name": "web", "container_id": "ab" * 32, "namespace": "shop"}


def decode(payload: bytes) -> list[tuple[dict[str, str], dict[str, object]]]:
    """(what `create` says, document)"""
    pairs = []
    for one in documents(payload):
        action, source = map(json.loads, one.splitlines())
        assert list(action) == ["create"]
        pairs.append((action["create"], source))
    return pairs


def one(*entries: Entry, index: str = "logs-x-default") -> list[str]:
    """Ids."""
    return [create["_id"] for create, _ in decode(BulkEncoder(WHO, index).encode(entries))]


def test_an_entry_is_a_create_and_its_document() -> None:
    payload = BulkEncoder(WHO, "logs-{namespace}-{date}").encode(
        [entry('say "hi"', offset="4096", level="info")]
    )
    assert payload.count(b"\n") == 2
    ((create, document),) = decode(payload)
    assert create["_index"] == "logs-shop-2026.11.24"
    assert document == {
        "@timestamp": "2026-11-24T03:16:16.105173157Z", "message": 'say "hi"', "stream": "stdout",
        **WHO, "level": "info", "offset": 4096,
    }  # fmt: skip


def test_an_id_is_the_same_in_another_process_and_another_chunk() -> None:
    first, second = entry("a", offset="1"), entry("b", offset="9")
    assert one(first, second) == [*one(first), *one(second)]
    assert one(first) == ["9Ln651D3pmHRLCuTa50ltA"], "a new agent must know what an old one sent"


def test_each_part_of_what_a_line_is_makes_another_id() -> None:
    lines = [
        entry("a", offset="1"),
        entry("a", offset="2"),
        entry("b", offset="1"),
        entry("a", offset="1", stream="stderr"),
        entry("a", offset="1", time_ns=1),
        entry("a", offset="1", note="split"),
    ]
    other = BulkEncoder({"container_id": "other"}, "i").encode(lines[:1])
    assert len({*one(*lines), decode(other)[0][0]["_id"]}) == 7


def test_a_line_without_a_time_has_the_same_id_whenever_it_is_read() -> None:
    ids = one(*(entry("raw", offset="7", stream="", note="unparsed", time_ns=t) for t in (1, 2)))
    assert ids[0] == ids[1]


@given(ENTRIES, FIELDS)
def test_any_entry_is_a_document_with_its_text_and_its_time(
    entries: list[Entry], fields: dict[str, str]
) -> None:
    found = decode(BulkEncoder(fields, "logs-{date}-{pod}").encode(entries))
    assert len(found) == len(entries)
    for (create, document), given_ in zip(found, entries, strict=True):
        assert document["message"] == given_[2].decode()
        assert parse_rfc3339(str(document["@timestamp"]).encode()) == given_[0]
        assert len(create["_id"]) == 22


@given(ENTRIES, FIELDS)
def test_no_document_has_a_key_twice(entries: list[Entry], fields: dict[str, str]) -> None:
    fields = {k: v for k, v in fields.items() if k not in ("message", "@timestamp", "offset")}
    for document in documents(BulkEncoder(fields, "i").encode(entries)):
        for line in document.splitlines():
            json.loads(line, object_pairs_hook=no_key_twice)


def no_key_twice(pairs: list[tuple[str, object]]) -> dict[str, object]:
    assert len({key for key, _ in pairs}) == len(pairs), pairs
    return dict(pairs)


@given(st.text(min_size=1), FIELDS, st.integers(0, (1 << 32) * 10**9))
def test_any_index_name_is_one_a_cluster_takes(
    template: str, fields: dict[str, str], time_ns: int
) -> None:
    name = index_name(template, fields, time_ns)
    assert 0 < len(name.encode()) <= 255
    assert name == name.lower() or not name.isascii()
    assert name[0] not in "-_+"
    assert not set('\\/*?"<>| ,#:') & set(name)
    assert name not in (".", "..")


def test_a_field_the_container_has_not_is_none() -> None:
    assert (
        index_name("logs-{namespace}-{image}", {"image": "Reg/Web:1"}, 0) == "logs-none-reg_web_1"
    )


def test_an_answer_without_errors_is_all_stored() -> None:
    assert results(b'{"took":3,"errors":false}', 5) is None


def test_each_document_has_its_own_result() -> None:
    body = {
        "errors": True,
        "items": [
            {"create": {"status": 201}},
            {"create": {"status": 409, "error": {"type": "version_conflict_engine_exception"}}},
            {"create": {"status": 429, "error": {"type": "es_rejected_execution_exception"}}},
            {"create": {"status": 400, "error": {"type": "t", "reason": "r"}}},
        ],
    }
    found = results(json.dumps(body).encode(), 4)
    assert found is not None
    assert [(one.stored, one.again) for one in found] == [
        (True, False), (True, False), (False, True), (False, False),
    ]  # fmt: skip
    assert found[3] == Result(400, "t: r")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"{}",
        b'{"errors":1}',
        b'{"errors":true}',
        b'{"errors":true,"items":[]}',
        b'{"errors":true,"items":[{"index":{"status":201}}]}',
        b'{"errors":true,"items":[{"create":{"status":"201"}}]}',
        b'{"errors":true,"items":[{"create":{"status":true}}]}',
        b'{"errors":true,"items":[null]}',
    ],
)
def test_any_other_answer_is_refused(body: bytes) -> None:
    with pytest.raises(NotABulkAnswer):
        results(body, 1)


@given(st.binary(max_size=100))
def test_no_answer_is_anything_but_refused(body: bytes) -> None:
    try:
        assert results(body, 1) is None
    except NotABulkAnswer:
        pass
