"""agent/logs/docker_json.py"""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.logs.docker_json import PIECE, DockerParser
from agent.logs.entry import Entry, clean
from agent.logs.timestamps import parse_rfc3339

TIME = b"2026-11-24T03:16:16.105173157Z"
TIME_NS = parse_rfc3339(TIME)
READ_NS = 5


def line(log: str, stream: str = "stdout", time: str = TIME.decode(), **more: object) -> bytes:
    """As Docker writes it: fixed order, no spaces, < > & and U+2028 escaped."""
    row = {"log": log, "stream": stream, **more, "time": time}
    text = json.dumps(row, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text.encode("utf-8", "surrogatepass")


def parse(*lines: bytes) -> list[Entry]:
    entries, partial = DockerParser().parse(list(lines), READ_NS)
    assert partial == any(entry[4] for entry in entries)
    return entries


def test_a_plain_line() -> None:
    assert parse(line("GET / 200\n")) == [(TIME_NS, "stdout", b"GET / 200", None, False)]


def test_stderr_is_told_apart_also_where_the_text_names_stdout() -> None:
    text = 'x\\n","stream":"stdout","time":"\n'
    assert parse(line(text, "stderr")) == [(TIME_NS, "stderr", text[:-1].encode(), None, False)]


@pytest.mark.parametrize(
    "text",
    [
        "\n",
        "\t<a&b>\u2028\n",
        'say "hi"\\\n',
        "é\x00\x1f\n",
        "two\nlines\n",
        "\r\n",
        "\\\n",
        "\\n\n",
    ],
)
def test_escapes_become_what_the_program_wrote(text: str) -> None:
    assert parse(line(text)) == [(TIME_NS, "stdout", text[:-1].encode(), None, False)]


@pytest.mark.parametrize("end", ["", "ends in a backslash and an n\\n", "\\", "é", "\ufffd"])
def test_a_text_as_long_as_docker_cuts_is_a_piece_without_a_newline(end: str) -> None:
    text = "x" * (PIECE - len(end.encode())) + end
    assert parse(line(text)) == [(TIME_NS, "stdout", text.encode(), None, True)]
    assert parse(line(text + "\n")) == [(TIME_NS, "stdout", text.encode(), None, False)]


@pytest.mark.parametrize("text", ["", "last words", "backslash, n\\n", "x" * (PIECE - 1)])
def test_a_shorter_one_is_the_end_of_the_stream(text: str) -> None:
    assert parse(line(text)) == [(TIME_NS, "stdout", text.encode(), None, False)]


def test_labels_the_operator_asked_for_are_kept() -> None:
    (entry,) = parse(line("hi\n", attrs={"env": "prod", "tag": "a/b"}))
    assert entry == (TIME_NS, "stdout", b"hi", {"attrs": {"env": "prod", "tag": "a/b"}}, False)


def test_a_time_without_a_fraction_and_one_in_another_second() -> None:
    times = ["2026-11-24T03:16:16Z", "2026-11-24T03:16:17.5Z", "2026-11-24T03:16:16.5Z"]
    entries = parse(*(line("x\n", time=time) for time in times))
    assert [entry[0] for entry in entries] == [parse_rfc3339(time.encode()) for time in times]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"not json",
        b"[1]",
        b'{"log":"torn',
        b'{"log":"x\\n","stream":"stdin","time":"2026-11-24T03:16:16Z"}',
        b'{"log":"x\\n","stream":"stdout","time":"yesterday"}',
        b'{"log":"x\\n","stream":"stdout","time":"0001-01-01T00:00:00Z"}',
        b'{"log":"x\\n","stream":"stdout","time":""}',
        b'{"log":7,"stream":"stdout","time":"2026-11-24T03:16:16Z"}',
        b'\x00\x00\x00{"log":"x\\n","stream":"stdout","time":"2026-11-24T03:16:16Z"}',
    ],
)
def test_a_line_that_does_not_parse_comes_out_raw_and_is_counted(raw: bytes) -> None:
    parser = DockerParser()
    entries, _partial = parser.parse([line("before\n"), raw, line("after\n")], READ_NS)
    assert [entry[2] for entry in entries] == [b"before", raw, b"after"]
    assert entries[1] == (READ_NS, "", raw, {"note": "unparsed"}, False)
    assert parser.failures == 1


def test_a_lone_surrogate_costs_only_itself() -> None:
    (entry,) = parse(
        b'{"log":"a\\ud800b\\n","stream":"stdout","time":"2026-11-24T03:16:16.105173157Z"}'
    )
    assert entry[:2] == (TIME_NS, "stdout")
    assert entry[2].decode().strip("\ufffd").startswith("a")
    assert entry[2].endswith(b"b")


@given(
    text=st.text(),
    stream=st.sampled_from(["stdout", "stderr"]),
    digits=st.integers(0, 9),
    attrs=st.none() | st.dictionaries(st.text(), st.text(), min_size=1, max_size=3),
)
def test_what_docker_wrote_comes_back(
    text: str, stream: str, digits: int, attrs: dict[str, str] | None
) -> None:
    fraction = "." + "123456789"[:digits] if digits else ""
    more = {} if attrs is None else {"attrs": attrs}
    raw = line(text, stream, f"2026-11-24T03:16:16{fraction}Z", **more)
    if b"\n" in raw:
        return
    try:
        text.encode()
    except UnicodeEncodeError:
        return
    (entry,) = parse(raw)
    assert entry[1] == stream
    assert entry[2].decode() == text.removesuffix("\n")
    assert not entry[4], "it is shorter than a piece"
    assert entry[3] == (None if attrs is None else {"attrs": attrs})


@given(st.lists(st.binary(max_size=120)))
def test_any_bytes_give_one_entry_a_line_and_leave_the_neighbours_alone(lines: list[bytes]) -> None:
    text = [clean(item) for item in lines]
    parser = DockerParser()
    good = line("good\n")
    mixed = [part for item in text for part in (good, item)]
    entries, _partial = parser.parse([*mixed, good], READ_NS)
    assert len(entries) == len(mixed) + 1
    assert all(entry == (TIME_NS, "stdout", b"good", None, False) for entry in entries[::2])
    for entry in entries:
        entry[2].decode()


MUTATIONS = st.lists(
    st.tuples(st.integers(0, 90), st.sampled_from([b'"', b"\\", b"\\n", b"x", b"}", b"", b":"]))
)


@given(text=st.text(max_size=20), mutations=MUTATIONS)
def test_the_fast_path_agrees_with_the_json_parser(
    text: str, mutations: list[tuple[int, bytes]]
) -> None:
    raw = line(text + "\n")
    for at, new in mutations:
        raw = raw[:at] + new + raw[at + 1 :]
    raw = clean(raw)
    (fast,) = parse(raw)
    slow = DockerParser().parse_line(raw, READ_NS)
    if slow[1]:
        assert fast == slow
