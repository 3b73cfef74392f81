"""agent/logs/processing/json_body.py"""

from __future__ import annotations

import msgpack
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.logs.processing.json_body import flat, nested, parse_body

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
            "msg": "paid", "status": "200", "ok": "true", "gone": "null",
            "user": '{"id":7,"tags":["a"]}', "e": "{}",
        }
    }  # fmt: skip


def test_members_side_by_side() -> None:
    body = parse_body(BODY)
    assert body is not None
    assert flat(body, frozenset()) == {
        "msg": "paid", "status": "200", "ok": "true", "gone": "null",
        "user.id": "7", "user.tags": '["a"]', "e": "{}",
    }  # fmt: skip


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
def test_any_object_becomes_fields_of_text(body: dict[str, object]) -> None:
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
            msgpack.packb(extra)
            orjson.dumps(extra)
