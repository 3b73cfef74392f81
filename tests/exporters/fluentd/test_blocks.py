"""exporters/fluentd/blocks.py and _blocks.c: the same bytes as the exact way, and as each other."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from typing import Protocol

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agent.logs.cri import CriParser
from agent.logs.docker_json import DockerParser
from exporters.fluentd import blocks
from exporters.fluentd.blocks import BlockEncoder, NativeBlocks, PythonBlocks, Shape
from exporters.fluentd.forward import ForwardEncoder
from exporters.fluentd.headers import LONGEST

ROOM = 256 * 1024
FIELDS = {"container_name": "web", "container_id": "f" * 64, "image": "démo:1"}
ENCODER = ForwardEncoder(FIELDS)
SHAPE = ENCODER._shape
EXAMPLES = int(os.environ.get("BLOCK_EXAMPLES", "0")) or settings().max_examples
"""More than usual where the compiled loop is run under a sanitizer."""

# With a compiler on the machine the test of the compiled loop must not be skipped in silence.
compiled = pytest.mark.skipif(
    blocks._native is None, reason="exporters/fluentd/_blocks.c is not compiled here"
)

TIME = b"2026-11-24T03:16:16.105173157"
CRI_LINE = TIME + b"Z stdout F GET / 200"
DOCKER_LINE = rb'{"log":"GET / 200\n","stream":"stdout","time":"' + TIME + b'Z"}'

times = st.builds(
    lambda stamp, fraction, zone: stamp + fraction + zone,
    st.sampled_from(
        [b"2026-11-24T03:16:16", b"2026-11-24T03:16:17", b"2024-02-29T23:59:59",
         b"2023-02-29T00:00:00", b"1970-01-01T00:00:00", b"1969-12-31T23:59:59",
         b"2106-02-07T06:28:15", b"2106-02-07T06:28:16", b"2026-13-01T00:00:00",
         b"2026-04-31T00:00:00", b"2026-11-24T24:00:00", b"2026-11-24T03:60:00",
         b"2026-11-24T03:16:60", b"2026-11-24 03:16:16", b"2026-11-24t03:16:16",
         b"0000-01-01T00:00:00", b"2000-02-29T00:00:00", b"2100-02-29T00:00:00",
         b"2026-00-10T00:00:00", b"2026-10-00T00:00:00", b"+026-11-24T03:16:16", b"2026-11-24"]
    ),
    st.sampled_from([b".105173157", b".1", b".000000000", b".999999999", b".1234567890", b".",
                     b"", b".+1", b". 12345678", b".1_2345678", b".10517315"]),
    st.sampled_from([b"Z", b"+05:30", b"-00:01", b"+00:00", b"-23:59", b"+99:99", b"z", b"+0530",
                     b"", b"+5:30"]),
)  # fmt: skip
good_times = st.builds(
    lambda second, fraction: b"2026-11-24T03:16:%02d." % second + b"%d" % fraction,
    st.integers(0, 3),
    st.integers(0, 999_999_999),
)
texts = (
    st.sampled_from(
        [b"", b"x", b"GET / 200", b'{\\"a\\":1}', b"\\u003c\\u00e9\\ud83d\\ude00", b"\\ud83d",
         b"\\udc00\\ud83d", b"\\ud83dx", b"\\ud83d\\u0041", b"\\u12", b"\\", b"\\x", b"\\u00zz",
         b'"', b"\\n", b"tab\there", b"\\t\\b\\f\\r\\/", "ü€😀".encode(), b"\xff", b"\xc3",
         b"\xed\xa0\x80", b"\xc0\x80", b"\xf4\x90\x80\x80", b"\xe0\x80\x80", b"\xf0\x80\x80\x80",
         b"\x00", b"\x7f", b" stdout F ", b"Z stderr F x", rb'\n","stream":"stdout","time":"',
         b'Z"}', b'{"log":"', b"a" * 31, b"a" * 32, b"a" * 255, b"a" * 256, b"\r",
         b"b" * (LONGEST - 1), b"b" * LONGEST, b"b" * (LONGEST + 1), b"\\u0000" * 3000]
    )
    | st.binary(max_size=30).map(lambda text: text.replace(b"\n", b""))
    | st.text(max_size=20).map(lambda text: text.encode("utf-8", "replace").replace(b"\n", b""))
)  # fmt: skip
contents = st.lists(texts, max_size=3).map(b"".join)
streams = st.sampled_from([b"stdout", b"stderr"])
cri_lines = st.one_of(
    st.builds(lambda t, s, text: t + b"Z " + s + b" F " + text, good_times, streams, contents),
    st.builds(lambda t, s, text: t + b"Z " + s + b" F " + text, good_times, streams, contents),
    st.builds(lambda t, s, text: t + b" " + s + b" F " + text, times, streams, contents),
    st.builds(
        lambda t, s, tag, text: t + b" " + s + b" " + tag + b" " + text,
        times, streams | st.just(b"stdin"), st.sampled_from([b"P", b"F:x", b"", b"F"]), contents,
    ),
    contents,
)  # fmt: skip
docker_lines = st.one_of(
    *[
        st.builds(
            lambda text, s, t, between, end: (
                b'{"log":"' + text + b'","stream":"' + s + b'"' + between + b',"time":"' + t + end
            ),
            contents.map(lambda text: text + b"\\n"),
            streams,
            good_times,
            st.just(b""),
            st.just(b'Z"}'),
        )
    ]
    * 2,
    st.builds(
        lambda text, s, t, between, end: (
            b'{"log":"' + text + b'","stream":"' + s + b'"' + between + b',"time":"' + t + end
        ),
        contents | contents.map(lambda text: text + b"\\n"),
        streams | st.just(b"stdin"),
        times,
        st.sampled_from([b"", b"", b',"attrs":{"a":"b"}']),
        st.sampled_from([b'"}', b'"}', b'"} ', b"", b'Z"}']),
    ),
    contents,
)  # fmt: skip
formats = st.sampled_from(["cri", "docker"])


def block_of(log_format: str) -> st.SearchStrategy[bytes]:
    line = cri_lines if log_format == "cri" else docker_lines
    return st.lists(line, max_size=12).map(lambda lines: b"".join(one + b"\n" for one in lines))


blocks_of_lines = formats.flatmap(lambda one: st.tuples(st.just(one), block_of(one)))


def pure(log_format: str, room: int = ROOM, shape: Shape = SHAPE) -> BlockEncoder:
    return PythonBlocks(log_format, shape, room, columns_from=1 << 30)


def in_columns(log_format: str, room: int = ROOM, shape: Shape = SHAPE) -> BlockEncoder:
    return PythonBlocks(log_format, shape, room, columns_from=0)


def in_c(log_format: str, room: int = ROOM, shape: Shape = SHAPE) -> BlockEncoder:
    return NativeBlocks(log_format, shape, room)


def exact(log_format: str, lines: list[bytes]) -> bytes:
    """What the parser and the encoder of entries make of them."""
    parser = CriParser() if log_format == "cri" else DockerParser()
    entries, partial = parser.parse(lines, 7)
    assert not partial, "a piece was taken for a line"
    assert not parser.failures, "a line that does not parse was taken for one that does"
    return ENCODER.encode(entries)


@pytest.mark.parametrize("make", [pure, in_columns])
@settings(max_examples=EXAMPLES, deadline=None)
@given(given_block=blocks_of_lines)
@example(given_block=("docker", DOCKER_LINE[:-10] + b"\n" + DOCKER_LINE + b"\n"))
@example(given_block=("cri", CRI_LINE[29:] + b"\n" + b"123456789Z stdout F x\n"))
def test_python_makes_the_bytes_of_the_exact_way(
    make: Make, given_block: tuple[str, bytes]
) -> None:
    log_format, block = given_block
    encoder = make(log_format)
    at = 0
    while at < len(block):
        payload, records, end = encoder.encode(block, at, len(block))
        lines = block[at:end].split(b"\n")[:-1]
        assert records == len(lines)
        assert payload == (exact(log_format, lines) if lines else b"")
        at = end or at
        at = block.index(b"\n", at) + 1 if at < len(block) else at  # the unusual one


@compiled
@pytest.mark.parametrize("make", [pure, in_columns])
@settings(max_examples=EXAMPLES, deadline=None)
@given(
    given_block=blocks_of_lines,
    room=st.sampled_from([0, 1, 500, 3000, 20_000, ROOM]),
    fields=st.sampled_from([{}, FIELDS, {f"f{n}": "v" * n for n in range(20)}]),
)
def test_c_makes_the_bytes_of_python_and_stops_where_python_stops(
    make: Make, given_block: tuple[str, bytes], room: int, fields: dict[str, str]
) -> None:
    log_format, block = given_block
    shape = ForwardEncoder(fields)._shape
    one, other = make(log_format, 8 * ROOM, shape), in_c(log_format, room, shape)
    at = 0
    while at < len(block):
        whole, records, end = one.encode(block, at, len(block))
        made = taken = 0
        while at < end:
            payload, count, stop = other.encode(block, at, len(block))
            assert len(payload) <= room
            assert whole.startswith(payload, made)
            made, taken = made + len(payload), taken + count
            if not count:  # for want of room only
                line = block[at : block.index(b"\n", at) + 1]
                assert len(one.encode(line, 0, len(line))[0]) > room - 2  # its header has 1 to 3
                stop = block.index(b"\n", at) + 1
                made += len(one.encode(line, 0, len(line))[0])
                taken += 1
            at = stop
        assert (made, taken, at) == (len(whole), records, end)
        assert other.encode(block, at, len(block)) == (b"", 0, at)
        at = block.index(b"\n", end) + 1 if end < len(block) else end


@compiled
@pytest.mark.parametrize("make", [pure, in_columns])
@settings(max_examples=EXAMPLES, deadline=None)
@given(log_format=formats, seed=st.integers(0, 1 << 32), count=st.integers(1, 6))
def test_a_line_with_a_few_bytes_changed_is_the_same_to_both(
    make: Make, log_format: str, seed: int, count: int
) -> None:
    chance = random.Random(seed)
    line = CRI_LINE if log_format == "cri" else DOCKER_LINE
    changed = bytearray((line + b"\n") * 4)
    for _ in range(count):
        at = chance.randrange(len(changed))
        match chance.randrange(3):
            case 0:
                changed[at] = chance.choice(b'\n"\\Z .:-+0919uF\x00\xff' + line)
            case 1:
                del changed[at]
            case _:
                changed.insert(at, chance.choice(b'\n"\\Z 0u\xc3\xa4'))
    block = bytes(changed) + b"\n"
    one, other = make(log_format), in_c(log_format)
    # So that the second is known, as it mostly is.
    one.encode(line + b"\n", 0, len(line) + 1)
    at = 0
    while at < len(block):
        made = one.encode(block, at, len(block))
        assert other.encode(block, at, len(block)) == made
        lines = block[at : made[2]].split(b"\n")[:-1]
        assert made[0] == (exact(log_format, lines) if lines else b"")
        at = block.index(b"\n", made[2]) + 1 if made[2] < len(block) else made[2]


class Make(Protocol):
    def __call__(self, log_format: str, room: int = ROOM, shape: Shape = SHAPE) -> BlockEncoder: ...


ways = pytest.mark.parametrize("make", [pure, in_columns, pytest.param(in_c, marks=compiled)])


@ways
@pytest.mark.parametrize(("log_format", "line"), [("cri", CRI_LINE), ("docker", DOCKER_LINE)])
def test_usual_lines_are_taken_to_the_end(make: Make, log_format: str, line: bytes) -> None:
    block = b"before\n" + (line + b"\n") * 50
    payload, records, end = make(log_format, ROOM).encode(block, 7, len(block))
    assert (records, end) == (50, len(block))
    assert payload == exact(log_format, [line] * 50)


@ways
def test_both_streams_and_many_seconds_are_usual(make: Make) -> None:
    lines = [
        b"2026-11-24T%02d:00:0%d.%dZ %s F line" % (hour, hour % 7, hour, stream)
        for hour in range(24)
        for stream in (b"stdout", b"stderr")
    ]
    block = b"".join(line + b"\n" for line in lines)
    payload, records, _end = make("cri", ROOM).encode(block, 0, len(block))
    assert records == 48
    assert payload == exact("cri", lines)


@ways
@pytest.mark.parametrize(
    "line",
    [
        TIME + b"Z stdout P a piece",
        TIME + b"Z stdout F:x tagged",
        TIME + b"Z stdout F \xff",
        TIME + b"Z stdout F " + b"x" * (LONGEST + 1),
        b"not in the format",
        b"",
    ],
)
def test_it_stops_before_a_line_that_is_not_usual(make: Make, line: bytes) -> None:
    block = CRI_LINE + b"\n" + line + b"\n" + CRI_LINE + b"\n"
    encoder = make("cri", ROOM)
    payload, records, end = encoder.encode(block, 0, len(block))
    assert (records, end) == (1, len(CRI_LINE) + 1)
    assert payload == exact("cri", [CRI_LINE])
    assert encoder.encode(block, end, len(block)) == (b"", 0, end)


@ways
@pytest.mark.parametrize("room", [0, 900, 5000, 70_000])
def test_a_payload_is_never_over_its_room_and_many_calls_give_all_lines(
    make: Make, room: int
) -> None:
    lines = [TIME + b"Z stdout F " + b"x" * (number % 50) for number in range(500)]
    block = b"".join(line + b"\n" for line in lines)
    encoder = make("cri", room)
    made, at = b"", 0
    while at < len(block):
        payload, records, end = encoder.encode(block, at, len(block))
        assert len(payload) <= room
        if not records:
            assert room < 3 * SHAPE.overhead
            return
        made, at = made + payload, end
    assert made == exact("cri", lines)


@compiled
@pytest.mark.parametrize("part", [(-1, 3, 9), (3, 1, 9), (0, 999, 9), (0, 3, -1)])
def test_the_compiled_loop_refuses_a_part_that_is_not_there(part: tuple[int, int, int]) -> None:
    assert blocks._native is not None
    with pytest.raises(ValueError):
        blocks._native(0, b"x\n\n", *part, b"", b"", b"")
    with pytest.raises(ValueError):
        blocks._native(2, b"x\n\n", 0, 3, 9, b"", b"", b"")
    with pytest.raises(TypeError):
        blocks._native(0, "x\n", 0, 2, 9, b"", b"", b"")  # type: ignore[arg-type]


@compiled
def test_a_block_without_a_newline_gives_nothing() -> None:
    assert in_c("cri").encode(CRI_LINE, 0, len(CRI_LINE)) == (b"", 0, 0)
    assert pure("cri").encode(CRI_LINE, 0, len(CRI_LINE)) == (b"", 0, 0)


_OLDER = """
import sys, types
import exporters.fluentd
older = types.ModuleType("exporters.fluentd._blocks")
older.encode = None
exporters.fluentd._blocks = sys.modules[older.__name__] = older
from exporters.fluentd import blocks
assert blocks.STALE and not blocks.NATIVE
"""


def test_compiled_code_of_another_version_is_not_used() -> None:
    assert not blocks.STALE, "compile it again: python setup.py build_ext --inplace"
    subprocess.run([sys.executable, "-c", _OLDER], check=True)


def test_other_formats_have_no_short_way() -> None:
    assert ForwardEncoder(FIELDS).block_encoder("journald") is None
