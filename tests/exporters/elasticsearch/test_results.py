"""exporters/elasticsearch/results.py"""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.elasticsearch.results import NotABulkAnswer, Result, results


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
    assert found[3] == Result(400, "t", "r")
    assert found[3].in_words == "400 t: r"


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


@pytest.mark.parametrize(
    ("status", "kind", "reason"),
    [
        (403, "cluster_block_exception", "index [a] blocked by: [FORBIDDEN/8/index write (api)];"),
        (403, "security_exception", "no permissions for [indices:data/write/bulk[s]]"),
        (404, "index_not_found_exception", "no such index [a]"),
        (400, "index_closed_exception", "closed"),
        (400, "validation_exception", "this action would add [2] total shards, but …"),
        (400, "illegal_argument_exception", "pipeline with id [a] does not exist"),
        (400, "illegal_argument_exception", "no write index is defined for alias [a]. The …"),
    ],
)
def test_what_is_not_the_documents_fault_goes_again(status: int, kind: str, reason: str) -> None:
    assert Result(status, kind, reason).again


def test_what_the_index_has_no_place_for_does_not() -> None:
    assert not Result(400, "mapper_parsing_exception", "failed to parse").again
    assert not Result(400, "illegal_argument_exception", "Limit of total fields [1000]").again
