"""Entries to documents of a bulk request. Pure.

Docs    https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-bulk

    {"create":{"_index":"logs-containers-default","_id":"pq6…"}}
    {"@timestamp":"2026-11-24T03:16:16.105173157Z","message":"GET / 200","stream":"stdout",…}

`create`, because a data stream takes nothing else, and because it refuses an id that is there: a
document sent twice is stored once. The id is made of what the line is and where it lies: container,
stream, time, the line's offset in its file, its bytes. So it is the same after a restart that cuts
the lines into other chunks. A line without a time of its own has none in its id.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Final

import orjson

from agent.logs.chunk import Entry, Extra
from agent.logs.timestamps import NANOSECONDS, second_of
from exporters.elasticsearch.fields import Fields, FlatFields
from exporters.elasticsearch.index_name import index_name

_DAY: Final = 86_400 * NANOSECONDS


class BulkEncoder:
    """Entries of one container."""

    needs_offsets = True

    def __init__(self, fields: Mapping[str, str], index: str, names: Fields = FlatFields) -> None:
        self._fields = dict(fields)
        self._index = index
        self._tail = names(fields).tail
        self._identity = blake2b(fields.get("container_id", "").encode(), digest_size=16)
        self._second_ns = -NANOSECONDS
        self._second = ""
        self._days: dict[int, bytes] = {}

    def encode(self, entries: Sequence[Entry]) -> bytes:
        """Encode each entry as two lines."""
        parts: list[bytes] = []
        for time_ns, stream, content, extra, _partial in entries:
            nanoseconds = time_ns - self._second_ns
            if not 0 <= nanoseconds < NANOSECONDS:
                self._second_ns, self._second = second_of(time_ns)
                nanoseconds = time_ns - self._second_ns
            offset, more = _take_offset(extra)
            parts += (
                self._action(time_ns),
                self._id(time_ns, stream, content, offset, more),
                f'"}}}}\n{{"@timestamp":"{self._second}.{nanoseconds:09d}Z","message":'.encode(),
                orjson.dumps(content.decode()),
                self._tail(stream, offset, more),
                b"}\n",
            )
        return b"".join(parts)

    def _id(
        self, time_ns: int, stream: str, content: bytes, offset: bytes, more: Extra | None
    ) -> bytes:
        digest = self._identity.copy()
        note = more.get("note", "") if more else ""
        time = "" if note == "unparsed" else time_ns  # it is when the line was read
        digest.update(b"%b\0%b\0" % (f"{stream}\0{time}\0{note}".encode(), offset))
        digest.update(content)
        return urlsafe_b64encode(digest.digest())[:22]

    def _action(self, time_ns: int) -> bytes:
        day = time_ns // _DAY
        action = self._days.get(day)
        if action is None:
            if len(self._days) > 31:
                self._days.clear()
            name = index_name(self._index, self._fields, time_ns)
            action = b'{"create":{"_index":' + orjson.dumps(name) + b',"_id":"'
            self._days[day] = action
        return action


def _take_offset(extra: Extra | None) -> tuple[bytes, Extra | None]:
    """The line's place in its file, and what else there is of it."""
    if extra is None:
        return b"", None
    offset = extra.get("offset")
    if not isinstance(offset, str) or not offset.isascii() or not offset.isdecimal():
        return b"", extra
    return str(int(offset)).encode(), {
        key: value for key, value in extra.items() if key != "offset"
    } or None


def documents(payload: bytes) -> list[bytes]:
    """Cut a payload into its documents, each with its action."""
    lines = payload.split(b"\n")
    return [b"%b\n%b\n" % pair for pair in zip(lines[0::2], lines[1::2], strict=False)]
