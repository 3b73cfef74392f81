"""Entries to documents of a bulk request, and what its answer says of each. Pure.

Docs    https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-bulk

    {"create":{"_index":"logs-containers-default","_id":"pq6…"}}
    {"@timestamp":"2026-11-24T03:16:16.105173157Z","message":"GET / 200","stream":"stdout",…}

`create`, because a data stream takes nothing else, and because it refuses an id that is there: a
document sent twice is stored once. The id is made of what the line is and where it lies: container,
stream, time, the line's offset in its file, its bytes. So it is the same after a restart that cuts
the lines into other chunks. A line without a time of its own has none in its id.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Final

import orjson

from agent.log_destinations import INDEX_FIELDS
from agent.logs.chunk import Entry, Extra
from agent.records import NamedTuple

_NANOSECONDS: Final = 1_000_000_000
_DAY: Final = 86_400 * _NANOSECONDS
_NO_INDEX_NAME: Final = re.compile(r'[\x00-\x20\\/*?"<>|,#:]')
_LONGEST_INDEX_NAME: Final = 255


class NotABulkAnswer(ValueError):
    """The body is not what a bulk request is answered with."""


class BulkEncoder:
    """Entries of one container."""

    needs_offsets = True

    def __init__(self, fields: Mapping[str, str], index: str) -> None:
        self._fields = dict(fields)
        self._index = index
        self._identity = blake2b(fields.get("container_id", "").encode(), digest_size=16)
        self._tails = {
            stream: b"," + orjson.dumps({"stream": stream, **fields})[1:-1]
            for stream in ("stdout", "stderr")
        }
        self._second_ns = -_NANOSECONDS
        self._second = ""
        self._days: dict[int, bytes] = {}

    def encode(self, entries: Sequence[Entry]) -> bytes:
        """Encode each entry as two lines."""
        parts: list[bytes] = []
        for time_ns, stream, content, extra, _partial in entries:
            nanoseconds = time_ns - self._second_ns
            if not 0 <= nanoseconds < _NANOSECONDS:
                nanoseconds = self._begin_second(time_ns)
            offset, more = _take_offset(extra)
            tail = self._tails[stream] if stream and not more else self._tail(stream, more)
            if offset:
                tail += b',"offset":' + offset
            parts += (
                self._action(time_ns),
                self._id(time_ns, stream, content, offset, more),
                f'"}}}}\n{{"@timestamp":"{self._second}.{nanoseconds:09d}Z","message":'.encode(),
                orjson.dumps(content.decode()),
                tail,
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

    def _begin_second(self, time_ns: int) -> int:
        seconds, nanoseconds = divmod(time_ns, _NANOSECONDS)
        self._second_ns = time_ns - nanoseconds
        self._second = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        return nanoseconds

    def _tail(self, stream: str, extra: Extra | None) -> bytes:
        pairs: dict[str, object] = {"stream": stream} if stream else {}
        pairs.update(self._fields)
        for key, value in (extra or {}).items():
            # A key of its own or the document's would make it two fields of one name.
            pairs[f"extra.{key}" if key in ("@timestamp", "message", "offset") else key] = value
        return b"," + orjson.dumps(pairs)[1:-1] if pairs else b""


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


def index_name(template: str, fields: Mapping[str, str], time_ns: int) -> str:
    """Fill in `template`, in letters an index may have."""
    date = datetime.fromtimestamp(time_ns // _NANOSECONDS, UTC).strftime("%Y.%m.%d")
    name = template
    for field in INDEX_FIELDS:
        value = date if field == "date" else fields.get(field, "") or "none"
        name = name.replace(f"{{{field}}}", value)
    name = _NO_INDEX_NAME.sub("_", name.lower()).lstrip("-_+") or "none"
    name = name.encode()[:_LONGEST_INDEX_NAME].decode("utf-8", "ignore")
    return "none" if name in (".", "..") else name


def documents(payload: bytes) -> list[bytes]:
    """Cut a payload into its documents, each with its action."""
    lines = payload.split(b"\n")
    return [b"%b\n%b\n" % pair for pair in zip(lines[0::2], lines[1::2], strict=False)]


class Result(NamedTuple):
    """What became of one document."""

    status: int
    error: str

    @property
    def in_words(self) -> str:
        """For a person."""
        return f"{self.status} {self.error}".rstrip()

    @property
    def stored(self) -> bool:
        """Now, or by an earlier try: 409 says that the id is there."""
        return 200 <= self.status < 300 or self.status == 409

    @property
    def again(self) -> bool:
        """It may be taken later."""
        return self.status == 429 or self.status >= 500


def results(body: bytes, count: int) -> list[Result] | None:
    """
    Read the answer to `count` documents; None: every one is stored.

    Raise NotABulkAnswer for anything else, also for one result too few.
    """
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise NotABulkAnswer(f"not JSON: {error}") from None
    if not isinstance(answer, dict) or not isinstance(answer.get("errors"), bool):
        raise NotABulkAnswer(f"no bulk answer: {body[:100]!r}")
    if not answer["errors"]:
        return None
    items = answer.get("items")
    if not isinstance(items, list) or len(items) != count:
        raise NotABulkAnswer(f"{count} documents, and not as many results")
    return [_result(item) for item in items]


def _result(item: object) -> Result:
    inner = item.get("create") if isinstance(item, dict) else None
    status = inner.get("status") if isinstance(inner, dict) else None
    if not isinstance(inner, dict) or type(status) is not int:
        raise NotABulkAnswer(f"no result: {item!r}"[:200])
    error = inner.get("error")
    if isinstance(error, dict):
        return Result(status, f"{error.get('type', '')}: {error.get('reason', '')}"[:500])
    return Result(status, str(error or "")[:500])
