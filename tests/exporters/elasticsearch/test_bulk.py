"""exporters/elasticsearch/bulk.py"""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from agent.logs.chunk import Entry
from agent.logs.timestamps import parse_rfc3339
from exporters.elasticsearch.bulk import BulkEncoder, documents
from exporters.elasticsearch.fields import FIELDS as SCHEMAS
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


@given(ENTRIES, FIELDS, st.sampled_from(sorted(SCHEMAS)))
def test_any_entry_is_a_document_with_its_text_and_its_time(
    entries: list[Entry], fields: dict[str, str], schema: str
) -> None:
    found = decode(BulkEncoder(fields, "logs-{date}-{pod}", SCHEMAS[schema]).encode(entries))
    assert len(found) == len(entries)
    for (create, document), given_ in zip(found, entries, strict=True):
        assert document["message"] == given_[2].decode()
        assert parse_rfc3339(str(document["@timestamp"]).encode()) == given_[0]
        assert len(create["_id"]) == 22


@given(ENTRIES, FIELDS, st.sampled_from(sorted(SCHEMAS)))
def test_no_document_has_a_key_twice(
    entries: list[Entry], fields: dict[str, str], schema: str
) -> None:
    fields = {k: v for k, v in fields.items() if k not in ("message", "@timestamp", "offset")}
    for document in documents(BulkEncoder(fields, "i", SCHEMAS[schema]).encode(entries)):
        for line in document.splitlines():
            json.loads(line, object_pairs_hook=no_key_twice)


def no_key_twice(pairs: list[tuple[str, object]]) -> dict[str, object]:
    assert len({key for key, _ in pairs}) == len(pairs), pairs
    return dict(pairs)
