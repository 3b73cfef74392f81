"""agent/logs/docker_local.py: captured from Docker 20.10, and made up."""

from __future__ import annotations

import gzip
import struct
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.logs.batch import Batch
from agent.logs.chain import Chain
from agent.logs.docker_json import PIECE
from agent.logs.docker_local import DockerLocalParser, LocalFramer, decode
from agent.logs.entry import UNPARSED
from agent.logs.framing import Lines
from tests.agent.logs.rig import ledger

CAPTURED = Path(__file__).resolve().parents[2] / "fixtures/docker_local"
"""`docker run --log-driver local --log-opt max-size=20k --log-opt max-file=3`: "line 0" to
"line 399", 40,000 times x, "last" without a newline; "err" to stderr."""


def varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def entry(
    line: bytes, time_ns: int = 10**18, stream: bytes = b"stdout", more: bytes = b""
) -> bytes:
    return field(1, stream) + field(2, time_ns) + field(3, line) + more


def piece(line: bytes, ordinal: int, *, last: bool = False) -> bytes:
    metadata = field(1, 1) * last + field(2, b"cf03") + field(3, ordinal)
    return entry(line, more=field(4, 1) + field(5, metadata))


def frame(message: bytes) -> bytes:
    length = struct.pack(">I", len(message))
    return length + message + length


def feed(data: bytes, cuts: list[int]) -> list[Lines]:
    framer = LocalFramer()
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    out: list[Lines] = []
    for begin, end in pairwise(edges):
        lines, text = framer.take(data[begin:end])
        assert text is None
        assert framer.position == end
        out += lines
    rest = framer.finish()
    return [*out, rest] if rest is not None else out


MESSAGES = st.lists(st.binary(min_size=1, max_size=60), max_size=8)
CUTS = st.lists(st.integers(0, 600), max_size=6)


@given(MESSAGES, CUTS)
def test_frames_come_out_whole_however_they_are_cut(messages: list[bytes], cuts: list[int]) -> None:
    data = b"".join(map(frame, messages))
    lines = feed(data, cuts)
    assert [record for item in lines for record in item.data] == messages
    assert [item.start for item in lines[1:]] == [item.end for item in lines[:-1]]
    assert all(
        sum(map(len, item.data)) + item.overhead * len(item.data) == item.end - item.start
        for item in lines
    )


@given(MESSAGES, st.binary(min_size=1, max_size=40), MESSAGES, CUTS)
def test_damage_takes_no_neighbour_with_it(
    before: list[bytes], junk: bytes, after: list[bytes], cuts: list[int]
) -> None:
    before = [entry(text) for text in before]
    after = [entry(text) for text in after]
    # 0xff: no length begins so, and the junk cannot hold or begin a frame by chance.
    damage = b"\xff" * 4 + junk.replace(b"\0", b"\xff")
    data = b"".join(map(frame, before)) + damage + b"".join(map(frame, after))
    lines = feed(data, cuts)
    records = [record for item in lines for record in item.data if item.overhead]
    assert records == [*before, *after]
    assert b"".join(item.data[0] for item in lines if not item.overhead) == damage
    assert lines[-1].end == len(data)


@given(st.binary(max_size=200))
def test_any_bytes_are_one_entry(junk: bytes) -> None:
    entries, _partial = DockerLocalParser().parse([junk], 7)
    assert len(entries) == 1


@given(st.binary(max_size=200), st.integers(0, 2**61), st.sampled_from([b"stdout", b"stderr"]))
def test_a_message_is_decoded(line: bytes, time_ns: int, stream: bytes) -> None:
    unknown = field(6, b"attrs") + field(9, 5) + varint(10 << 3 | 5) + b"1234"
    found = decode(entry(line, time_ns, stream, unknown))
    assert (found.source, found.time_nano, found.line) == (stream.decode(), time_ns, line)
    assert not found.partial


@pytest.mark.usefixtures("short_pieces")
def test_pieces_say_so() -> None:
    entries, partial = DockerLocalParser().parse(
        [piece(b"one ", 1), piece(b"two", 2, last=True), entry(b"x\xff")], 7
    )
    assert partial
    assert [item[4] for item in entries] == [True, False, False]
    assert entries[2][2] == b"x\xff", "pieces are joined first, and made valid then"


def test_a_short_piece_is_the_end_of_the_stream() -> None:
    entries, _partial = DockerLocalParser().parse(
        [piece(b"x" * PIECE, 1), piece(b"last words", 2)], 7
    )
    assert [item[4] for item in entries] == [True, False]


def test_what_is_no_message_comes_out_raw() -> None:
    parser = DockerLocalParser()
    entries, _partial = parser.parse([b"\x0a\xff junk", entry(b"x", stream=b"other")], 7)
    assert [item[3] for item in entries] == [{"note": UNPARSED}] * 2
    assert parser.failures == 2


def test_a_frame_over_the_limit_does_not_grow_the_memory() -> None:
    framer = LocalFramer()
    out = []
    for _ in range(60):
        lines, _text = framer.take(b"\xff" * 65536)
        out += lines
    assert framer.position - framer.start <= 2_100_000
    assert out


def test_what_docker_wrote_is_read_through_its_rotation(tmp_path: Path) -> None:
    for name in CAPTURED.iterdir():
        (tmp_path / name.name).write_bytes(name.read_bytes())
    account = ledger()
    chain = Chain(str(tmp_path / "container.log"), "docker-local", account, [])
    chain.rotation.look(0.0)
    chain.rotation.source_gone = True
    batches: list[Batch] = []
    while (unread := chain.next_unread(0.0)) is not None:
        batches += chain.take(unread[0], unread[0].read(1000).data, 7)
    batches += chain.retire(100.0, 7)
    batches += chain.retire(100.0, 7)
    stdout = [item[2] for batch in batches for item in batch.entries if item[1] == "stdout"]
    stderr = [item[2] for batch in batches for item in batch.entries if item[1] == "stderr"]
    numbers = [text for text in stdout if text.startswith(b"line ")]
    first = int(numbers[0].split()[1])
    assert numbers == [b"line %d" % number for number in range(first, 400)]
    assert stdout[len(numbers) :] == [b"x" * 40_000, b"last"]
    assert stderr == [b"err"]
    assert account.counters.parse_failures == 0
    total = sum(
        len(gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes())
        for path in CAPTURED.iterdir()
    )
    assert account.counters.bytes == total
    assert all(m.processed == m.marked for m in chain.rotation.marks)
    chain.close()
