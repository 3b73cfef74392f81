"""Fuzz targets of what is done with lines: JSON bodies, levels, stack traces, redaction."""

from __future__ import annotations

import orjson

from agent.log_rules import KINDS
from agent.logs.entry import Entry, Value, clean
from agent.logs.partial import Position
from agent.logs.processing.json_body import DEEPEST, MOST, flat, nested, parse_body
from agent.logs.processing.level import level_of
from agent.logs.processing.multiline import Grammar, Multiline
from agent.logs.processing.redact import Redactor
from exporters.file.json_lines import JsonLinesEncoder as FileEncoder
from exporters.fluentd.forward import ForwardEncoder
from exporters.loki.push import StreamEncoder
from exporters.otlp.logs import RecordEncoder

_LANGUAGES = ("java", "python", "go", "ruby", "node")
_TAKEN = frozenset({"log", "stream"})
_GRAMMAR = Grammar(_LANGUAGES, None)


def json_body(data: bytes) -> None:
    """`data` as a line: the object it is, if any, is one that every destination can write."""
    content = clean(data)
    level_of(content)
    body = parse_body(content)
    if body is None:
        return
    if len(body) > MOST or _depth(body) > DEEPEST + 1:
        raise AssertionError("an object larger than any that is taken")
    for extra in (nested(body), flat(body, _TAKEN)):
        if extra is not None:
            _write((1, "stdout", content, extra, False))


def multiline(data: bytes) -> None:
    """`data` as lines of a program: joined or not, each byte of them comes out, in order."""
    lines = clean(data).split(b"\n")
    entries: list[Entry] = [
        (number, "stdout", line, None, False) for number, line in enumerate(lines)
    ]
    joined = Multiline(_GRAMMAR)
    middle = len(entries) // 2
    out = []
    for part in (entries[:middle], entries[middle:]):
        out += joined.feed(part, [Position(1, entry[0]) for entry in part])
    out += joined.finish()
    if b"\n".join(entry[2] for entry in out) != b"\n".join(lines):
        raise AssertionError("joining changed the text")
    if joined.floor is not None:
        raise AssertionError("something is open after the end")


def redaction(data: bytes) -> None:
    """`data` as lines: as many come out, all valid, none with a whole bearer token of ours."""
    lines = clean(data).split(b"\n")
    secret = b"Authorization: Bearer abcdefghijklmnop"
    redactor = Redactor(KINDS)
    entries: list[Entry] = [(1, "stdout", line, None, False) for line in lines]
    out = redactor.redact([*entries, (1, "stderr", secret, None, False)])
    if len(out) != len(lines) + 1:
        raise AssertionError("a line more or less")
    for entry in out:
        entry[2].decode()
    if b"abcdefghijklmnop" in out[-1][2]:
        raise AssertionError("a secret beside junk is not found")


def _write(entry: Entry) -> None:
    who = {"container_name": "web", "container_id": "ab" * 32}
    ForwardEncoder(who).encode([entry])
    orjson.loads(FileEncoder(who).encode([entry]))
    orjson.loads(RecordEncoder(who, "host").encode([entry]).removesuffix(b","))
    loki = StreamEncoder(
        who, job="fuzz", labels=(), structured_metadata=("json", "msg"), max_line_bytes=1 << 20
    )
    orjson.loads(loki.encode([entry]).removesuffix(b","))


def _depth(value: Value) -> int:
    level, depth = [value], 0
    while level:
        depth += 1
        inner: list[Value] = []
        for one in level:
            if isinstance(one, dict):
                inner.extend(one.values())
            elif isinstance(one, list):
                inner.extend(one)
        level = inner
    return depth
