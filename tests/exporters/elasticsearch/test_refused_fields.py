"""exporters/elasticsearch/refused_fields.py"""

from __future__ import annotations

import json

import pytest
from hypothesis import given

from agent.logs.chunk import Entry, Extra
from exporters.elasticsearch.bulk import BulkEncoder, documents
from exporters.elasticsearch.fields import FIELDS as SCHEMAS
from exporters.elasticsearch.refused_fields import is_without_fields, without_fields
from exporters.elasticsearch.results import Result
from tests.log_entries import ENTRIES, entry

WHO = {"container_id": "ab" * 32, "pod": "web", "host": "node-1"}
REFUSED = Result(400, "mapper_parsing_exception", "failed to parse field [user]")


def bare(schema: str, made: Entry) -> bytes | None:
    names = SCHEMAS[schema]
    (one,) = documents(BulkEncoder(WHO, "i", names).encode([made]))
    return without_fields(one, names.kept | names.top(WHO), REFUSED)


@pytest.mark.parametrize("schema", sorted(SCHEMAS))
def test_what_a_line_brought_becomes_one_text(schema: str) -> None:
    time_ns, stream, content, _, partial = entry("pay")
    extra: Extra = {"offset": "7", "user": {"id": 1}, "level": "x"}
    made = (time_ns, stream, content, extra, partial)
    (plain,) = documents(BulkEncoder(WHO, "i", SCHEMAS[schema]).encode([entry("pay", offset="7")]))
    found = bare(schema, made)
    assert found is not None
    action, source = found.splitlines()
    assert action == plain.splitlines()[0], "the same id, so that it is stored once"
    document = json.loads(source)
    others = json.loads(document.pop("refused_fields"))
    assert others == {"user": {"id": 1}, ("log.level" if schema == "ecs" else "level"): "x"}
    assert (
        document.pop("refused_reason") == "mapper_parsing_exception: failed to parse field [user]"
    )
    assert document == json.loads(plain.splitlines()[1])


@pytest.mark.parametrize("schema", sorted(SCHEMAS))
def test_a_document_without_fields_of_its_line_is_refused_itself(schema: str) -> None:
    assert bare(schema, entry("pay", offset="7")) is None


def test_what_was_made_here_is_not_made_again() -> None:
    found = bare("flat", entry("pay", user="me"))
    assert found is not None
    assert is_without_fields(found)
    assert without_fields(found, SCHEMAS["flat"].kept, REFUSED) is None


def test_a_text_that_looks_like_it_is_none() -> None:
    (one,) = documents(BulkEncoder(WHO, "i").encode([entry(',"refused_fields":"')]))
    assert not is_without_fields(one)


def test_only_400_is_about_fields() -> None:
    (one,) = documents(BulkEncoder(WHO, "i").encode([entry("pay", user="me")]))
    assert without_fields(one, frozenset(), Result(413)) is None


@given(ENTRIES)
def test_nothing_is_lost_of_any_document(entries: list[Entry]) -> None:
    kept = SCHEMAS["flat"].kept | set(WHO)
    for one in documents(BulkEncoder(WHO, "i").encode(entries)):
        found = without_fields(one, kept, REFUSED)
        before = json.loads(one.splitlines()[1])
        if found is None:
            assert set(before) <= kept | {"refused_fields"}
            continue
        after = json.loads(found.splitlines()[1])
        others = json.loads(after.pop("refused_fields"))
        del after["refused_reason"]
        assert {**after, **others} == before
