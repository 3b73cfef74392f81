"""Entries to JSON lines. Pure.

    {"time":"2026-11-24T03:16:16.105173157Z","log":"GET / 200","stream":"stdout",…}

`time` is RFC 3339, UTC, always nine digits: lines sort by it as text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import orjson

from agent.logs.chunk import Entry, Extra
from agent.logs.timestamps import NANOSECONDS, second_of


class JsonLinesEncoder:
    """Entries of one container. Everything but time and content is made once."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        self._fields = dict(fields)
        self._tails = {
            stream: b"," + orjson.dumps({"stream": stream, **fields})[1:] + b"\n"
            for stream in ("stdout", "stderr")
        }
        self._second_ns = -NANOSECONDS
        self._second = ""

    def encode(self, entries: Sequence[Entry]) -> bytes:
        """Encode each entry as one line."""
        parts: list[bytes] = []
        extend = parts.extend
        dumps, tails = orjson.dumps, self._tails
        for time_ns, stream, content, extra, _partial in entries:
            nanoseconds = time_ns - self._second_ns
            if not 0 <= nanoseconds < NANOSECONDS:
                self._second_ns, self._second = second_of(time_ns)
                nanoseconds = time_ns - self._second_ns
            tail = tails[stream] if extra is None and stream else self._tail(stream, extra)
            head = f'{{"time":"{self._second}.{nanoseconds:09d}Z","log":'
            extend((head.encode(), dumps(content.decode()), tail))
        return b"".join(parts)

    def _tail(self, stream: str, extra: Extra | None) -> bytes:
        pairs: dict[str, object] = {"stream": stream} if stream else {}
        pairs.update(self._fields)
        pairs.update(extra or {})
        return b"," + orjson.dumps(pairs)[1:] + b"\n" if pairs else b"}\n"
