r"""Docker's json-file: one JSON object per line.

    {"log":"GET / 200\n","stream":"stdout","time":"2026-11-24T03:16:16.105173157Z"}
    {"log":"hi\n","stream":"stderr","attrs":{"env":"prod"},"time":"2026-11-24T03:16:16.1Z"}

Source  moby daemon/logger/jsonfilelog, jsonlog.MarshalJSONBuf: fixed key order; `attrs` only where
        the operator asked for labels, env or tag. Times are UTC with trailing zeros trimmed.
Pieces  Docker cuts a line every 16 KiB. A piece of so many bytes whose text does not end in a
        newline is followed by more of the same stream; nothing else in the file says so. A shorter
        one is written only at the end of the stream (moby daemon/logger/copier.go): it ends its
        line, and what the container writes after a restart is another.

The fast path takes a line apart with `rpartition` and lets JSON decode only a text that holds a
backslash. Whatever does not look exactly like the first sample goes through a JSON parser. A line
that is not such an object comes out raw, marked, with the time it was read.
"""

from __future__ import annotations

import json
from typing import Final

import orjson

from agent.logs.entry import STREAMS, UNPARSED, Entry, Extra
from agent.logs.timestamps import SCALE, parse_rfc3339

PIECE: Final = 16 * 1024
"""Bytes of a piece that more follows, at least: what is not UTF-8 got longer in the file."""
_STDOUT: Final = rb'\n","stream":"stdout","time":"'
_STDERR: Final = rb'\n","stream":"stderr","time":"'
_BEGIN: Final = b'{"log":"'
_DOT: Final = ord(".")
_BACKSLASH: Final = ord("\\")


class DockerParser:
    """Lines of one container's files. Keeps the second it saw last."""

    any_bytes = False

    def __init__(self) -> None:
        self.failures = 0
        """Lines that came out raw."""
        self._second = b""
        self._second_ns = 0

    def parse(self, lines: list[bytes], read_ns: int) -> tuple[list[Entry], bool]:
        """
        Parse `lines` (valid UTF-8): one entry for each, in order, and whether any is a piece.

        `read_ns` is the time given to a line that does not parse.
        """
        entries: list[Entry] = []
        append = entries.append
        partial = False
        second, second_ns = self._second, self._second_ns
        for line in lines:
            body, found, tail = line.rpartition(_STDOUT)
            stream = "stdout"
            if not found:
                body, found, tail = line.rpartition(_STDERR)
                stream = "stderr"
            # tail: 2026-11-24T03:16:16.105173157Z"}
            if (
                len(tail) >= 24
                and tail[19] == _DOT
                and tail.endswith(b'Z"}')
                and found
                and body.startswith(_BEGIN)
            ):
                digits = tail[20:-3]
                if tail[:19] != second:
                    second_ns = parse_rfc3339(tail[:19] + b"Z") or 0
                    second = tail[:19] if second_ns else b""
                if second and digits.isdigit() and len(digits) <= 9:
                    content: bytes | None = body[8:]
                    if _BACKSLASH in body:
                        content = _unescape(body[8:])
                    if content is not None:
                        time_ns = second_ns + int(digits) * SCALE[len(digits)]
                        append((time_ns, stream, content, None, False))
                        continue
            entry = self.parse_line(line, read_ns)
            partial = partial or entry[4]
            append(entry)
        self._second, self._second_ns = second, second_ns
        return entries, partial

    def parse_line(self, line: bytes, read_ns: int) -> Entry:
        """Parse one line of any legal shape; a line that has none comes out raw and is counted."""
        entry = _parse_object(line)
        if entry is None:
            self.failures += 1
            return read_ns, "", line, {"note": UNPARSED}, False
        return entry


def _unescape(content: bytes) -> bytes | None:
    try:
        text: str = orjson.loads(b'"' + content + b'"')
    except ValueError:
        # A piece that ends in a backslash and an "n" of the program's own, or a lone surrogate.
        return None
    return text.encode()


def _parse_object(line: bytes) -> Entry | None:
    try:
        record = orjson.loads(line)
    except ValueError:
        record = _loads_leniently(line)
    if not isinstance(record, dict):
        return None
    text, stream, time = record.get("log"), record.get("stream"), record.get("time")
    if not isinstance(text, str) or not isinstance(time, str) or stream not in STREAMS:
        return None
    time_ns = parse_rfc3339(time.encode("ascii", "replace"))
    if time_ns is None:
        return None
    content = text.encode("utf-8", "surrogatepass")
    if not text.isascii():
        content = content.decode("utf-8", "replace").encode()
    ends = content.endswith(b"\n")
    partial = not ends and len(content) >= PIECE
    return time_ns, str(stream), content[:-1] if ends else content, _attrs(record), partial


def _attrs(record: dict[str, object]) -> Extra | None:
    attrs = record.get("attrs")
    if not isinstance(attrs, dict) or not attrs:
        return None
    return {"attrs": {_text(key): _text(value) for key, value in attrs.items()}}


def _text(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def _loads_leniently(line: bytes) -> object:
    """The standard library takes a lone surrogate escape, which orjson refuses."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None
