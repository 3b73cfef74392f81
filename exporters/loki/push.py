"""Entries to Loki's streams, and what a refusal says. Pure.

Docs    https://grafana.com/docs/loki/latest/reference/loki-http-api/#ingest-logs

    {"streams":[{"stream":{"job":"container-agent","namespace":"shop","stream":"stdout"},
                 "values":[["1795490176105173157","GET / 200",{"container_id":"8f3…"}],…]},…]}

An encoder makes items of the list, each with a comma after it; `push_body` puts the rest around.
Loki keeps one of two entries of a stream with the same time and text: sending twice stores once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

import orjson

from agent.logs.chunk import Entry, Extra

_IGNORED: Final = re.compile(rb"total ignored: (\d+) out of \d+|(?:^|; )(\d+) errors like: ")
_ONE: Final = re.compile(rb"entry for stream |max entry size ")


class StreamEncoder:
    """Entries of one container: at most one item for stdout, one for stderr, one for neither."""

    def __init__(
        self,
        fields: Mapping[str, str],
        *,
        job: str,
        labels: Sequence[str],
        structured_metadata: Sequence[str],
        max_line_bytes: int,
    ) -> None:
        known = {key: fields[key] for key in labels if key in fields}
        self._heads = {}
        for stream in ("stdout", "stderr", ""):
            # In the order of the configuration; `stream` is the entry's own.
            values = {"job": job, **known}
            if stream and "stream" in labels:
                values["stream"] = stream
            self._heads[stream] = b'{"stream":' + orjson.dumps(values) + b',"values":['
        self._metadata = {
            key: fields[key] for key in structured_metadata if key in fields and key not in known
        }
        self._names = frozenset(structured_metadata)
        self._own = b"," + orjson.dumps(self._metadata) if self._metadata else b""
        self._stream_metadata = "stream" in structured_metadata and "stream" not in labels
        self._max = max_line_bytes

    def encode(self, entries: Sequence[Entry]) -> bytes:
        """Encode entries, each stream's in their order."""
        values: dict[str, list[bytes]] = {}
        for time_ns, stream, content, extra, _partial in entries:
            if len(content) > self._max:
                content = content[: self._max].decode("utf-8", "ignore").encode()
                extra = {**(extra or {}), "note": "cut"}
            metadata = self._own
            if extra is not None or self._stream_metadata:
                metadata = self._with(extra, stream)
            values.setdefault(stream, []).append(
                b'["%d",%b%b]' % (time_ns, orjson.dumps(content.decode()), metadata)
            )
        return b"".join(
            self._heads[stream] + b",".join(items) + b"]}," for stream, items in values.items()
        )

    def _with(self, extra: Extra | None, stream: str) -> bytes:
        pairs = dict(self._metadata)
        if self._stream_metadata and stream:
            pairs["stream"] = stream
        for key, value in (extra or {}).items():
            if key in self._names:
                pairs[key] = value if isinstance(value, str) else orjson.dumps(value).decode()
        return b"," + orjson.dumps(pairs) if pairs else b""


def push_body(payload: bytes) -> bytes:
    """A whole request."""
    return b'{"streams":[%b]}' % payload.removesuffix(b",")


def ignored(message: bytes, records: int) -> int:
    """
    How many of `records` a 400 refuses; Loki keeps the others.

    It says so in words (2.9 and later): "7 errors like: entry for stream …; 1 errors like: …", one
    alone without a number, or for each stream "total ignored: 3 out of 7". Where it does not, all
    count: better a loss too many on the page than one too few.
    """
    count = sum(int(number) for pair in _IGNORED.findall(message) for number in pair if number)
    if not count and _ONE.match(message):
        return 1
    return min(count, records) if count else records
