"""agent/logs/processing/stage.py, alone and in a chain that reads a file."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from agent.log_rules import LogRule
from agent.logs.chain import Chain
from agent.logs.checkpoint import FileRecord
from agent.logs.entry import CUT, Entry
from agent.logs.partial import Position
from agent.logs.processing.stage import RuleStage
from agent.logs.stats import ContainerCounters
from tests.agent.logs.rig import cri, ledger

JAVA = ("java",)


def entries(*texts: str, stream: str = "stdout") -> list[Entry]:
    return [(10**9 * n, stream, text.encode(), None, False) for n, text in enumerate(texts)]


def run(rule: LogRule, *texts: str) -> tuple[list[Entry], ContainerCounters]:
    counters = ContainerCounters("/x.log")
    stage = RuleStage(rule, counters)
    places = [Position(1, n) for n in range(len(texts))]
    return stage.process(entries(*texts), places, 0) + stage.finish(), counters


def texts(out: list[Entry]) -> list[str]:
    return [entry[2].decode() for entry in out]


def test_include_and_exclude_count_what_they_leave_out() -> None:
    out, counters = run(LogRule(include=("^a", "^b"), exclude=("x",)), "a", "ax", "b", "c")
    assert texts(out) == ["a", "b"]
    assert counters.filtered == 2


def test_a_rule_sees_the_whole_stack_trace() -> None:
    rule = LogRule(multiline=JAVA, exclude=("Noise",))
    out, counters = run(rule, "E: x", "\tat Noise.f(N.java)", "good")
    assert texts(out) == ["good"]
    assert counters.filtered == 1


def test_sampling_keeps_errors_unless_told() -> None:
    lines = [f"level=error {n}" for n in range(50)] + [f"fine {n}" for n in range(50)]
    out, counters = run(LogRule(sample=0.000001), *lines)
    assert texts(out) == lines[:50]
    assert counters.sampled == 50
    out, counters = run(LogRule(sample=0.000001, sample_errors="sample"), *lines)
    assert (out, counters.sampled) == ([], 100)


def test_over_the_rate_lines_are_dropped_and_counted() -> None:
    counters = ContainerCounters("/x.log")
    stage = RuleStage(LogRule(rate_lines=1.0, rate_policy="drop"), counters)
    out = stage.process([(0, "stdout", b"x", None, False)] * 30, [], 0)
    assert (len(out), counters.throttled, stage.wait) == (10, 20, 0.0)


def test_over_the_rate_reading_waits_by_default() -> None:
    counters = ContainerCounters("/x.log")
    stage = RuleStage(LogRule(rate_lines=1.0), counters)
    assert len(stage.process([(0, "stdout", b"x", None, False)] * 30, [], 0)) == 30
    assert (counters.throttled, round(stage.wait)) == (0, 20)


def test_secrets_are_gone_before_a_body_is_read() -> None:
    rule = LogRule(json="flat", redact=("email",), level="on")
    out, counters = run(rule, '{"user":"a@b.org","level":"warn"}')
    assert out[0][3] == {"user": "[redacted:email]", "level": "warning", "json.level": "warn"}
    assert b"a@b.org" not in out[0][2]
    assert counters.redacted == 1


def test_a_long_record_is_cut_at_a_character_marked_and_counted() -> None:
    out, counters = run(LogRule(max_line=64), "é" * 60, "short")
    assert out[0][2] == "é".encode() * 32
    assert out[0][3] == {"note": CUT}
    assert out[1][3] is None
    assert (counters.lost["too_long"].lines, counters.lost["too_long"].bytes) == (1, 56)


def test_a_line_that_did_not_parse_is_not_filtered_but_redacted() -> None:
    counters = ContainerCounters("/x.log")
    stage = RuleStage(LogRule(include=("^a",), sample=0.0001, redact=("email",)), counters)
    out = stage.process([(0, "", b"{broken a@b.org", {"note": "unparsed"}, False)], [], 0)
    assert texts(out) == ["{broken [redacted:email]"]


def test_a_plain_file_s_line_has_no_stream_and_is_filtered_all_the_same() -> None:
    counters = ContainerCounters("/x.log")
    stage = RuleStage(LogRule(include=("^a",)), counters)
    lines: list[Entry] = [(0, "", b"a", None, False), (0, "", b"b", None, False)]
    assert texts(stage.process(lines, [], 0)) == ["a"]
    assert counters.filtered == 1


def test_other_rules_take_over_what_is_open() -> None:
    counters = ContainerCounters("/x.log")
    old = RuleStage(LogRule(multiline=JAVA), counters)
    assert old.process(entries("E", "\tat x"), [Position(1, 5), Position(1, 6)], 0) == []
    new = RuleStage(LogRule(level="on"), counters)
    new.inherit(old)
    assert new.floor == Position(1, 5)
    assert texts(new.process(entries("next"), [Position(1, 7)], 0)) == ["E\n\tat x", "next"]
    assert new.floor is None


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["stdout", "stderr"]),
        st.sampled_from(["F", "F", "F", "P"]),
        st.sampled_from(["a", "\tat b", "drop me", "E: 1", "ERROR x", "  x", "Caused by: y", ""]),
    ),
    max_size=60,
)
RULES = st.builds(
    LogRule,
    multiline=st.sampled_from([(), JAVA, ("java", "python", "go", "ruby", "node")]),
    exclude=st.sampled_from([(), ("drop",)]),
    sample=st.sampled_from([0.0, 0.5]),
    rate_lines=st.sampled_from([0.0, 1.0]),
    rate_policy=st.sampled_from(["", "drop", "sample"]),
)


@given(ROWS, RULES, st.integers(1, 400))
def test_nothing_is_lost_but_what_a_rule_left_out_and_counted(
    rows: list[tuple[str, str, str]], rule: LogRule, block: int
) -> None:
    """Whole pieces numbered; what comes out and what is counted is what went in; order per stream
    is kept; and a restart from any marks on the way brings every line that had not come out."""
    lines = [
        cri(f"{text} #{number}#", stream, tag) for number, (stream, tag, text) in enumerate(rows)
    ]
    with tempfile.TemporaryDirectory() as directory:
        log = Path(directory, "0.log")
        log.write_bytes(b"".join(lines))
        account = ledger()
        chain = Chain(str(log), "cri", account, [])
        chain.stage = RuleStage(rule, account.counters)
        out: list[Entry] = []
        try:
            chain.rotation.look(0.0)
            while (unread := chain.next_unread(0.0)) is not None:
                file, _size = unread
                for batch in chain.take(file, file.read(block).data, 7):
                    out += batch.entries
                    _check_floor(chain, lines, out, rule)
            for batch in chain.finish(7):
                out += batch.entries
            (record,) = chain.rotation.records()
            ((_mark, marked),) = [(mark, mark.marked) for mark in chain.rotation.marks]
        finally:
            chain.close()
        assert marked == sum(map(len, lines)), "everything may be acknowledged"
        assert isinstance(record, FileRecord)
        counters = account.counters
        left_out = counters.filtered + counters.sampled + counters.throttled
        if not (rule.exclude or rule.sample or rule.rate_lines):
            assert left_out == 0
        joined = Counter(number for entry in out for number in _numbers(entry))
        assert all(count == 1 for count in joined.values())
        if left_out == 0:
            assert set(joined) == set(range(len(rows)))
        for stream in ("stdout", "stderr"):
            came = [number for entry in out if entry[1] == stream for number in _numbers(entry)]
            assert came == sorted(came)
            assert all(rows[number][0] == stream for number in came)
        if not rule.multiline and all(tag == "F" for _stream, tag, _text in rows):
            assert len(out) + left_out == len(rows)


def _numbers(entry: Entry) -> list[int]:
    return [int(piece) for piece in entry[2].split(b"#")[1::2]]


def _check_floor(chain: Chain, lines: list[bytes], out: list[Entry], rule: LogRule) -> None:
    """Every line before the mark has come out, where no rule leaves any out."""
    if rule.exclude or rule.sample or rule.rate_lines:
        return
    (mark,) = chain.rotation.marks
    came = {number for entry in out for number in _numbers(entry)}
    at = 0
    for number, line in enumerate(lines):
        at += len(line)
        if at <= mark.marked:
            assert number in came
