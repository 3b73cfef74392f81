"""A container's chain with the short way (blocks.py) does what it does without: same records, same
order, same counters, and no mark before its records are out."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.log_rules import LogRule
from agent.logs.chain import GROUP, Chain
from agent.logs.chunk import BlockEncoder
from agent.logs.processing.stage import RuleStage
from agent.logs.stats import ContainerCounters
from exporters.fluentd import blocks
from exporters.fluentd.blocks import NativeBlocks, PythonBlocks
from exporters.fluentd.forward import ForwardEncoder
from tests.agent.logs.rig import Said, ledger
from tests.exporters.fluentd.test_blocks import DOCKER_LINE, TIME

ENCODER = ForwardEncoder({"container_name": "web"})
NOW = 1000.0
Make = Callable[[str, int], BlockEncoder]


def pure(log_format: str, room: int) -> BlockEncoder:
    return PythonBlocks(log_format, ENCODER._shape, room)


def in_c(log_format: str, room: int) -> BlockEncoder:
    return NativeBlocks(log_format, ENCODER._shape, room)


ways = pytest.mark.parametrize(
    "make",
    [
        pure,
        pytest.param(
            in_c,
            marks=pytest.mark.skipif(blocks._native is None, reason="_blocks.c is not compiled"),
        ),
    ],
)


@dataclass
class Result:
    payload: bytes = b""
    marks: list[tuple[int, int]] = field(default_factory=list)
    """Offset, bytes of payload that were out when it was given."""
    counters: ContainerCounters | None = None
    packed: int = 0
    """Records that went the short way."""


def run(
    data: bytes,
    log_format: str,
    limit: int,
    encoder: BlockEncoder | None,
    rule: LogRule | None = None,
) -> Result:
    result = Result()
    with tempfile.TemporaryDirectory() as directory:
        log = Path(directory) / "0.log"
        log.write_bytes(data)
        account = ledger(Said())
        chain = Chain(str(log), log_format, account, [])
        chain.block_encoder = encoder
        chain.stage = None if rule is None else RuleStage(rule, account.counters)
        chain.rotation.look(NOW)
        try:
            while (unread := chain.next_unread(NOW)) is not None:
                file, _size = unread
                for batch in chain.take(file, file.read(limit).data, 7):
                    if batch.packed is not None:
                        assert not batch.entries
                        result.payload += batch.packed.payload
                        result.packed += batch.packed.records
                    result.payload += ENCODER.encode(batch.entries)
                    result.marks += [
                        (up_to, len(result.payload)) for _mark, _begin, up_to in batch.marks
                    ]
        finally:
            chain.close()
        account.counters.path = ""
        result.counters = account.counters
    return result


CRI_LINES = [
    TIME + b"Z stdout F usual",
    TIME + b"Z stderr F usual too",
    TIME + b"+05:30 stdout F elsewhere",
    TIME + b"Z stdout P piece ",
    TIME + b"Z stderr P other piece ",
    TIME + b"Z stdout F:tag tagged",
    TIME + b"Z stdout F \xff\xfe",
    b"no format",
    b"",
    TIME + b"Z stdout F " + b"x" * 20_000,
    TIME + b"Z stdout F " + b"y" * 300_000,
]
DOCKER_LINES = [
    DOCKER_LINE,
    DOCKER_LINE.replace(b"stdout", b"stderr"),
    DOCKER_LINE.replace(b"GET", b'\\"\\u003c\\ud83d\\ude00'),
    DOCKER_LINE.replace(b"\\n", b""),
    DOCKER_LINE.replace(b"\\n", b"").replace(b"stdout", b"stderr"),
    DOCKER_LINE.replace(b',"time"', b',"attrs":{"a":"b"},"time"'),
    DOCKER_LINE.replace(b"GET", b"\xff"),
    DOCKER_LINE.replace(b"GET", b"\\ud83d"),
    b"no format",
    b"",
]


@st.composite
def logs(draw: st.DrawFn) -> tuple[str, bytes]:
    log_format, lines = draw(st.sampled_from([("cri", CRI_LINES), ("docker", DOCKER_LINES)]))
    runs = draw(st.lists(st.tuples(st.integers(0, len(lines) - 1) | st.just(0), st.integers(1, 5))))
    text = b"".join((lines[which] + b"\n") * count for which, count in runs)
    return log_format, text + draw(st.sampled_from([b"", b"an open li"]))


@ways
@settings(deadline=None, max_examples=60)
@given(
    log=logs(),
    limit=st.sampled_from([200, 1000, 70_000, 1 << 20]),
    room=st.sampled_from([600, 4096, 1 << 18]),
    rule=st.none()
    | st.builds(
        LogRule,
        max_line=st.sampled_from([0, 64, 100, 300, 50_000]),
        level=st.sampled_from(["", "", "on"]),
    ),
)
def test_the_short_way_changes_nothing(
    make: Make, log: tuple[str, bytes], limit: int, room: int, rule: LogRule | None
) -> None:
    log_format, data = log
    exact = run(data, log_format, limit, None, rule)
    short = run(data, log_format, limit, make(log_format, room), rule)
    assert short.payload == exact.payload
    assert short.counters == exact.counters
    offsets = [offset for offset, _out in short.marks]
    assert offsets == sorted(offsets)
    assert offsets[-1:] == [offset for offset, _out in exact.marks[-1:]]
    # What must be out when a mark is given: line by line, the exact way.
    needed = dict(run(data, log_format, 1, None, rule).marks) if len(data) < 2000 else {}
    for offset, out in short.marks:
        assert out >= needed.get(offset, 0)


@ways
@pytest.mark.parametrize(("log_format", "lines"), [("cri", CRI_LINES), ("docker", DOCKER_LINES)])
def test_usual_lines_take_the_short_way_again_after_one_that_is_not(
    make: Make, log_format: str, lines: list[bytes]
) -> None:
    usual = (lines[0] + b"\n") * 2 * GROUP
    for unusual in lines[3:]:
        if b"piece" in unusual or (b"\\n" not in unusual and log_format == "docker"):
            continue  # an open line: all that follows it goes the exact way, until it is whole
        data = usual + unusual + b"\n" + usual
        result = run(data, log_format, 1 << 20, make(log_format, 1 << 18))
        assert result.packed >= 4 * GROUP, unusual[:60]


@ways
def test_only_blocks_with_a_longer_line_leave_the_short_way_for_a_limit(make: Make) -> None:
    line = TIME + b"Z stdout F " + b"x" * 60
    data = (CRI_LINES[0] + b"\n") * 9 + line + b"\n"
    for rule, packed in (
        (LogRule(max_line=len(line)), 10),
        (LogRule(max_line=len(line) - 1), 0),
        (LogRule(max_line=len(line), level="on"), 0),
        (LogRule(max_line=len(line), exclude=("never",)), 0),
    ):
        assert run(data, "cri", 1 << 20, make("cri", 1 << 18), rule).packed == packed


@ways
def test_a_line_begun_in_one_block_and_ended_in_the_next_is_whole(make: Make) -> None:
    data = (CRI_LINES[0] + b"\n") * 200
    for limit in (61, 100, 4097):
        result = run(data, "cri", limit, make("cri", 1 << 18))
        assert result.payload == run(data, "cri", limit, None).payload
        assert result.counters is not None
        assert (result.counters.lines, result.counters.bytes) == (200, len(data))
