"""exporters/loki/push.py"""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.logs.chunk import Entry
from exporters.loki.push import StreamEncoder, ignored, push_body
from tests.log_entries import ENTRIES, FIELDS, entry

WHO = {"container_name": "web", "container_id": "ab" * 32, "namespace": "shop", "pod": "web-7"}
LABELS = ("namespace", "pod", "container_name", "stream")
METADATA = ("container_id", "image", "note")


def encoder(
    fields: dict[str, str] = WHO,
    *,
    labels: tuple[str, ...] = LABELS,
    metadata: tuple[str, ...] = METADATA,
    most: int = 1000,
) -> StreamEncoder:
    return StreamEncoder(
        fields, job="agent", labels=labels, structured_metadata=metadata, max_line_bytes=most
    )


def streams(*payloads: bytes) -> list[dict[str, object]]:
    body = json.loads(push_body(b"".join(payloads)))
    assert list(body) == ["streams"]
    found = body["streams"]
    assert isinstance(found, list)
    return found


def test_each_stream_of_a_container_is_one_of_lokis() -> None:
    payload = encoder().encode(
        [entry("a"), entry("b", stream="stderr", time_ns=7), entry("c", note="cut")]
    )
    labels = {"job": "agent", "namespace": "shop", "pod": "web-7", "container_name": "web"}
    own = {"container_id": "ab" * 32}
    assert streams(payload) == [
        {
            "stream": {**labels, "stream": "stdout"},
            "values": [
                ["1795490176105173157", "a", own],
                ["1795490176105173157", "c", {**own, "note": "cut"}],
            ],
        },
        {"stream": {**labels, "stream": "stderr"}, "values": [["7", "b", own]]},
    ]


def test_containers_follow_each_other_in_a_request() -> None:
    both = streams(encoder().encode([entry("a")]), encoder({}).encode([entry("b")]))
    assert [stream["stream"] for stream in both][1] == {"job": "agent", "stream": "stdout"}


def test_without_structured_metadata_a_value_is_a_pair() -> None:
    (stream,) = streams(encoder(metadata=()).encode([entry("a", note="cut")]))
    assert stream["values"] == [["1795490176105173157", "a"]]


def test_a_stream_that_is_no_label_may_be_metadata() -> None:
    (stream,) = streams(encoder(labels=(), metadata=("stream",)).encode([entry("a")]))
    assert stream == {
        "stream": {"job": "agent"}, "values": [["1795490176105173157", "a", {"stream": "stdout"}]],
    }  # fmt: skip


def test_a_line_over_the_limit_is_cut_at_a_character_and_says_so() -> None:
    (stream,) = streams(encoder(most=5).encode([entry("abcdé")]))
    values = stream["values"]
    assert isinstance(values, list)
    assert values[0][1:] == ["abcd", {"container_id": "ab" * 32, "note": "cut"}]


@given(ENTRIES, FIELDS)
def test_any_entry_is_a_value_with_its_text_and_its_time(
    entries: list[Entry], fields: dict[str, str]
) -> None:
    found: dict[str, list[tuple[int, str]]] = {}
    for stream in streams(encoder(fields).encode(entries)):
        labels, values = stream["stream"], stream["values"]
        assert isinstance(labels, dict)
        assert isinstance(values, list)
        assert labels["job"] == "agent"
        assert set(labels) <= {"job", *LABELS}
        for time, text, *metadata in values:
            found.setdefault(str(labels.get("stream", "")), []).append((int(time), text))
            for pairs in metadata:
                assert all(isinstance(value, str) for value in pairs.values())
                assert set(pairs) <= set(METADATA)
    for name in ("stdout", "stderr", ""):
        expected = [(e[0], e[2].decode()) for e in entries if e[1] == name]
        assert found.get(name, []) == expected


@pytest.mark.parametrize(
    ("message", "count"),
    [
        (b"entry for stream '{a=\"b\"}' has timestamp too old: 2026-11-15T14:59:30Z\n", 1),
        (b"7 errors like: entry for stream '{a=\"1\"}' has timestamp too old: 2026-11-15", 7),
        (b"; ".join((b"1 errors like: entry for stream '{a=\"3\"}' has timestamp too new: 2026-11",
                     b"3 errors like: entry for stream '{a=\"2\"}' has timestamp too old: 2026-11",
                     b"1 errors like: max entry size '262144' bytes exceeded for stream '{}'")), 5),
        (b"error at least one label pair is required per stream", 10),
        (b"entry with timestamp 1 ignored\nuser 'fake', total ignored: 3 out of 7 for {}", 3),
        (b"total ignored: 1 out of 2\ntotal ignored: 2 out of 2", 3),
        (b"total ignored: 99 out of 99", 10),
        (b"total ignored: 0 out of 10", 10),
        (b"", 10),
    ],
)  # fmt: skip
def test_a_refusal_counts_what_it_names_and_all_where_it_names_none(
    message: bytes, count: int
) -> None:
    assert ignored(message, 10) == count


@given(st.binary())
def test_any_refusal_counts_at_least_one_and_at_most_all(message: bytes) -> None:
    assert 1 <= ignored(message, 10) <= 10
