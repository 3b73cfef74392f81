"""exporters/file/json_lines.py"""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from agent.logs.chunk import Entry
from agent.logs.timestamps import parse_rfc3339
from exporters.file.json_lines import JsonLinesEncoder

FIELDS = {"container_name": "wéb", "image": "demo:1"}


def test_a_line_is_time_log_stream_and_the_containers_fields() -> None:
    entries: list[Entry] = [(1_795_490_176_105_173_150, "stdout", b'say "hi"', None, False)]
    assert JsonLinesEncoder(FIELDS).encode(entries).decode() == (
        '{"time":"2026-11-24T03:16:16.105173150Z","log":"say \\"hi\\"",'
        '"stream":"stdout","container_name":"wéb","image":"demo:1"}\n'
    )


def test_a_line_that_did_not_parse_has_no_stream_and_a_note() -> None:
    entries: list[Entry] = [(0, "", b"raw", {"note": "unparsed"}, False)]
    assert json.loads(JsonLinesEncoder({}).encode(entries)) == {
        "time": "1970-01-01T00:00:00.000000000Z",
        "log": "raw",
        "note": "unparsed",
    }


@given(
    st.lists(
        st.tuples(
            st.integers(0, (1 << 32) * 10**9 - 1),
            st.sampled_from(["stdout", "stderr", ""]),
            st.text(max_size=30).map(lambda text: text.encode("utf-8", "replace")),
            st.none(),
            st.just(False),
        )
    )
)
def test_each_entry_is_one_line_with_its_exact_time(entries: list[Entry]) -> None:
    lines = JsonLinesEncoder(FIELDS).encode(entries).split(b"\n")[:-1]
    assert len(lines) == len(entries)
    for line, entry in zip(lines, entries, strict=True):
        record = json.loads(line)
        assert parse_rfc3339(record["time"].encode()) == entry[0]
        assert record["log"] == entry[2].decode()
        assert record.get("stream", "") == entry[1]
