"""agent/logs/cri.py"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.logs.cri import CriParser
from agent.logs.entry import Entry, clean
from agent.logs.timestamps import parse_rfc3339

TIME = b"2026-11-24T03:16:16.105173157Z"
TIME_NS = parse_rfc3339(TIME)
READ_NS = 5
FIXTURES = Path(__file__).parents[2] / "fixtures/logs"


def parse(*lines: bytes) -> list[Entry]:
    entries, partial = CriParser().parse(list(lines), READ_NS)
    assert partial == any(entry[4] for entry in entries)
    return entries


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (TIME + b" stdout F GET / 200", (TIME_NS, "stdout", b"GET / 200", None, False)),
        (TIME + b" stderr F oh", (TIME_NS, "stderr", b"oh", None, False)),
        (TIME + b" stdout P piece", (TIME_NS, "stdout", b"piece", None, True)),
        (TIME + b" stdout F ", (TIME_NS, "stdout", b"", None, False)),
        (TIME + b" stdout F", (TIME_NS, "stdout", b"", None, False)),
        (TIME + b" stdout F:x:y tags", (TIME_NS, "stdout", b"tags", None, False)),
        (TIME + b" stdout P:x piece", (TIME_NS, "stdout", b"piece", None, True)),
        (TIME + b" stdout F  two  spaces ", (TIME_NS, "stdout", b" two  spaces ", None, False)),
        (TIME + b" stderr F a stdout F b", (TIME_NS, "stderr", b"a stdout F b", None, False)),
        (TIME + b" stdout F a stderr F b", (TIME_NS, "stdout", b"a stderr F b", None, False)),
        (TIME + b" stderr P a stdout F b", (TIME_NS, "stderr", b"a stdout F b", None, True)),
    ],
)
def test_every_form_of_a_line(raw: bytes, expected: Entry) -> None:
    assert parse(raw) == [expected]


def test_a_short_time_cannot_be_mistaken_for_one_that_swallowed_the_text() -> None:
    raw = b"2026-11-24T03:16:16.1Z stderr F Z stdout F b"
    assert parse(raw)[0][1:3] == ("stderr", b"Z stdout F b")


@pytest.mark.parametrize(
    "time",
    [
        b"2026-11-24T03:16:16Z",
        b"2026-11-24T03:16:16.1Z",
        b"2026-11-24T08:46:16.1051+05:30",
        b"2026-11-23T22:16:16.105173157-05:00",
        b"2026-11-24T03:16:16.105173157+00:00",
    ],
)
def test_any_zone_and_any_fraction(time: bytes) -> None:
    assert parse(time + b" stdout F x", time + b" stdout F y") == [
        (parse_rfc3339(time), "stdout", b"x", None, False),
        (parse_rfc3339(time), "stdout", b"y", None, False),
    ]


def test_zones_may_change_from_line_to_line() -> None:
    times = [b"2026-03-29T01:59:59.9+01:00", b"2026-03-29T03:00:00.1+02:00", TIME]
    entries = parse(*(time + b" stdout F x" for time in times))
    assert [entry[0] for entry in entries] == [parse_rfc3339(time) for time in times]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"no time at all",
        TIME,
        TIME + b" stdout",
        TIME + b" stdin F x",
        TIME + b" stdout X x",
        b"2026-99-24T03:16:16.105173157Z stdout F x",
        b"2026-11-24T03:16:16.10517315_Z stdout F x",
    ],
)
def test_a_line_that_does_not_parse_comes_out_raw_and_is_counted(raw: bytes) -> None:
    parser = CriParser()
    good = TIME + b" stdout F good"
    entries, _partial = parser.parse([good, raw, good], READ_NS)
    assert entries[1] == (READ_NS, "", raw, {"note": "unparsed"}, False)
    assert entries[0] == entries[2] == (TIME_NS, "stdout", b"good", None, False)
    assert parser.failures == 1


def test_a_captured_file_of_containerd_parses() -> None:
    lines = (FIXTURES / "containerd-0.log").read_bytes().splitlines()
    parser = CriParser()
    entries, _partial = parser.parse(lines, READ_NS)
    assert parser.failures == 0
    assert [(e[1], e[2]) for e in entries[:2]] == [("stdout", b"line 1"), ("stderr", b"err 1")]
    for stream in ("stdout", "stderr"):
        times = [entry[0] for entry in entries if entry[1] == stream]
        assert times == sorted(times)


@given(content=st.text().filter(lambda text: "\n" not in text), tag=st.sampled_from("FP"),
       stream=st.sampled_from(["stdout", "stderr"]), digits=st.integers(0, 12))  # fmt: skip
def test_what_a_runtime_wrote_comes_back(content: str, tag: str, stream: str, digits: int) -> None:
    fraction = "." + "123456789012"[:digits] if digits else ""
    raw = f"2026-11-24T03:16:16{fraction}+02:00 {stream} {tag} {content}".encode()
    assert parse(raw)[0][1:] == (stream, content.encode(), None, tag == "P")


@given(st.lists(st.binary(max_size=80)))
def test_any_bytes_give_one_entry_a_line_and_leave_the_neighbours_alone(lines: list[bytes]) -> None:
    good = TIME + b" stdout F good"
    mixed = [part for item in lines for part in (good, clean(item))]
    entries = parse(*mixed, good)
    assert len(entries) == len(mixed) + 1
    assert all(entry == (TIME_NS, "stdout", b"good", None, False) for entry in entries[::2])


@given(text=st.text("F P:stdouer.Z+0123456789-T", max_size=30), at=st.integers(0, 60))
def test_the_fast_path_agrees_with_the_plain_one(text: str, at: int) -> None:
    raw = TIME + b" stdout F some content"
    raw = raw[:at] + text.encode() + raw[at + len(text) :]
    assert parse(raw) == [CriParser().parse_line(raw, READ_NS)]
