"""agent/logs/processing/json_body.py"""

from __future__ import annotations

import msgpack
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.logs.processing.json_body import flat, nested, parse_body
from exporters.elasticsearch.bulk import BulkEncoder
from exporters.file.json_lines import JsonLinesEncoder
from exporters.fluentd.forward import ForwardEncoder
from exporters.graylog.gelf import GelfEncoder
from exporters.otlp.logs import RecordEncoder, export_body

BODY = b' {"msg":"paid","status":200,"ok":true,"gone":null,"user":{"id":7,"tags":["a"]},"e":{}}'
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def test_members_below_one_key() -> None:
    body = parse_body(BODY)
    assert body is not None
    assert nested(body) == {
        "json": {
            "msg": "paid", "status": 200, "ok": True, "gone": None,
            "user": {"id": 7, "tags": ["a"]}, "e": {},
        }
    }  # fmt: skip


def test_members_side_by_side() -> None:
    body = parse_body(BODY)
    assert body is not None
    assert flat(body, frozenset()) == {
        "msg": "paid", "status": 200, "ok": True, "gone": None,
        "user.id": 7, "user.tags": ["a"], "e": {},
    }  # fmt: skip


@pytest.mark.parametrize("levels", [32, 33])
@pytest.mark.parametrize("pair", ["{}", "[]"])
def test_levels(levels: int, pair: str) -> None:
    inner = b"[" * (levels - 1) + b"]" * (levels - 1)
    if pair == "{}":
        inner = b'{"a":' * (levels - 1) + b"1" + b"}" * (levels - 1)
    assert (parse_body(b'{"a":' + inner + b"}") is not None) == (levels == 32)


def test_no_member_hides_a_field_of_the_record() -> None:
    body = parse_body(b'{"log":"a","pod":"b","_id":"c","":"d","own":"e"}')
    assert body is not None
    assert flat(body, frozenset(("log", "pod"))) == {
        "json.log": "a", "json.pod": "b", "json._id": "c", "json.": "d", "own": "e",
    }  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [b"", b"plain", b"[1]", b"{", b'{"a":1}x', b'{"a":NaN}', b"{}", b'"{"', b"{" * 5000,
     b'{"a":' * 2000 + b"1" + b"}" * 2000, orjson.dumps({str(n): n for n in range(1000)}),
     b'{"a":"' + b"x" * 70_000 + b'"}'],
)  # fmt: skip
def test_what_is_no_plain_object_stays_text(text: bytes) -> None:
    assert parse_body(text) is None


@given(st.dictionaries(st.text(), JSON))
def test_every_destination_takes_any_object(body: dict[str, object]) -> None:
    try:
        line = orjson.dumps(body)
    except TypeError:  # an integer that JSON's readers disagree about
        return
    parsed = parse_body(line)
    if parsed is None:
        return
    for extra in (nested(parsed), flat(parsed, frozenset(("log",)))):
        if extra is not None:
            assert "log" not in extra
            entries = [(7, "stdout", line, extra, False)]
            record = msgpack.unpackb(ForwardEncoder({}).encode(entries), ext_hook=lambda *_: None)
            assert {**extra, "log": line.decode(), "stream": "stdout"} == record[1]
            document = orjson.loads(JsonLinesEncoder({}).encode(entries))
            assert extra.items() <= document.items() or "time" in extra
            BulkEncoder({}, "i").encode(entries)
            orjson.loads(export_body(RecordEncoder({}, "h").encode(entries)))
            for value in orjson.loads(GelfEncoder({}, "h").encode(entries)[:-1]).values():
                assert isinstance(value, str | int | float)
                assert not isinstance(value, bool)


def test_the_deepest_object_fits_into_every_destination() -> None:
    line = b'{"a":' * 32 + b"1" + b"}" * 32
    body = parse_body(line)
    assert body is not None
    entries = [(7, "stdout", line, nested(body), False)]
    orjson.loads(export_body(RecordEncoder({}, "h").encode(entries)))
    assert msgpack.unpackb(ForwardEncoder({}).encode(entries), ext_hook=lambda *_: None)
    assert JsonLinesEncoder({}).encode(entries)
    assert BulkEncoder({}, "i").encode(entries)


def test_types_at_otlp_and_graylog() -> None:
    body = parse_body(
        b'{"i":1,"u":18446744073709551615,"f":1.5,"b":true,"n":null,"l":[1],"o":{"x":"y"}}'
    )
    assert body is not None
    entries = [(7, "", b"x", nested(body), False)]
    records = orjson.loads(export_body(RecordEncoder({}, "h").encode(entries)))
    record = records["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0]
    assert {pair["key"]: pair["value"] for pair in record["attributes"]} == {
        "json.i": {"intValue": "1"},
        "json.u": {"doubleValue": 18446744073709551615.0},
        "json.f": {"doubleValue": 1.5},
        "json.b": {"boolValue": True},
        "json.n": {},
        "json.l": {"arrayValue": {"values": [{"intValue": "1"}]}},
        "json.o": {"kvlistValue": {"values": [{"key": "x", "value": {"stringValue": "y"}}]}},
    }
    message = orjson.loads(GelfEncoder({}, "h").encode(entries)[:-1])
    assert {key: value for key, value in message.items() if key.startswith("_json")} == {
        "_json_i": 1, "_json_u": "18446744073709551615", "_json_f": 1.5, "_json_b": "true",
        "_json_n": "null", "_json_l": "[1]", "_json_o": '{"x":"y"}',
    }  # fmt: skip
