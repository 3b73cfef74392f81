r"""Entries to GELF messages, and messages to datagrams. Pure.

Spec    https://go2docs.graylog.org/current/getting_in_log_data/gelf.html

    {"version":"1.1","host":"node-7","short_message":"GET / 200","timestamp":1795490176.105173157,
     "level":6,"_stream":"stdout","_container_name":"web",…}\0

A message ends with NUL, which JSON never holds: TCP's framing, and how a payload is cut. Names are
letters, digits, _ . and -, and begin with _; `_id` is Graylog's own. Values are text and numbers;
others go as JSON text. An empty line is no message to Graylog: it goes as "-", with _note "empty".

    datagram   1e 0f  id (8 bytes)  number (1)  count (1)  a piece of the message

128 pieces at most, and all within 5 s, or the server throws away what it has.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

import orjson

from agent.logs.chunk import Entry, Extra
from agent.logs.entry import Value
from agent.logs.timestamps import NANOSECONDS

_HEADER: Final = 12
MOST_PIECES: Final = 128
_MOST: Final = 2**63 - 1
"""What is more than a long stays text."""
_NO_NAME: Final = re.compile(r"[^\w.\-]", re.ASCII)
_CONTROLS: Final = "".join(map(chr, range(33)))
LEVELS: Final = {"trace": 7, "debug": 7, "info": 6, "warning": 4, "error": 3, "fatal": 2}
"""Syslog's numbers for the levels agent/logs/processing finds."""
_OF_STREAM: Final = {"stdout": 6, "stderr": 3}
"""Where the line itself says none: informational, and error, as Docker's own GELF driver does."""


class GelfEncoder:
    """Entries of one container."""

    def __init__(self, fields: Mapping[str, str], host: str, most_bytes: int | None = None) -> None:
        """most_bytes: of one message; its text is cut to fit."""
        host = fields.get("host", host)
        self._fields = {_name(key): value for key, value in fields.items() if key != "host"}
        self._head = b'{"version":"1.1","host":%b,"short_message":' % orjson.dumps(host or "-")
        self._tails = {
            stream: self._tail(stream, None, blank=False) for stream in ("stdout", "stderr", "")
        }
        self._most = most_bytes

    def encode(self, entries: Sequence[Entry]) -> bytes:
        """Encode each entry as one message with a NUL."""
        return b"".join(self._message(entry) for entry in entries)

    def _message(self, entry: Entry) -> bytes:
        time_ns, stream, content, extra, partial = entry
        text = content.decode()
        blank = not text.strip(_CONTROLS).strip()
        if extra is None and not blank:
            tail = self._tails[stream]
        else:
            tail = self._tail(stream, extra, blank=blank)
        message = b'%b%b,"timestamp":%d.%09d%b' % (
            self._head,
            orjson.dumps("-" if blank else text),
            *divmod(time_ns, NANOSECONDS),
            tail,
        )
        if self._most is None or len(message) <= self._most or len(content) <= 1:
            return message
        # A byte of text is six of JSON at most (\u0001), so this ends soon.
        room = max(1, len(content) - max(1, (len(message) - self._most + 32 + 5) // 6))
        cut = content[:room].decode("utf-8", "ignore").encode()
        return self._message((time_ns, stream, cut, {**(extra or {}), "note": "cut"}, partial))

    def _tail(self, stream: str, extra: Extra | None, *, blank: bool) -> bytes:
        pairs: dict[str, object] = {"level": _OF_STREAM.get(stream, 6)}
        if stream:
            pairs["_stream"] = stream
        pairs.update(self._fields)
        for key, value in (extra or {}).items():
            if isinstance(value, dict):
                pairs.update(
                    (_name(f"{key}_{name}"), _value(inner)) for name, inner in value.items()
                )
                continue
            pairs[_name(key)] = _value(value)
            if key == "level" and isinstance(value, str) and value in LEVELS:
                pairs["level"] = LEVELS[value]
        if blank:
            pairs.setdefault("_note", "empty")
        return b"," + orjson.dumps(pairs)[1:] + b"\0"


def _name(key: str) -> str:
    name = "_" + _NO_NAME.sub("_", key)
    return "_id_" if name == "_id" else name


def _value(value: Value) -> str | int | float:
    if isinstance(value, str | float):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and value <= _MOST:
        return value
    return orjson.dumps(value).decode()


def messages(payload: bytes) -> list[bytes]:
    """Cut a payload into its messages, without the NUL."""
    return payload.split(b"\0")[:-1]


def datagrams(message: bytes, size: int, identity: bytes) -> list[bytes] | None:
    """
    Cut one message into datagrams of at most `size` bytes; None where 128 do not hold it.

    identity: 8 bytes, new for each message. One that fits into a datagram has no header.
    """
    if len(message) <= size:
        return [message]
    room = size - _HEADER
    count = -(-len(message) // room)
    if count > MOST_PIECES:
        return None
    return [
        b"\x1e\x0f" + identity + bytes((number, count)) + message[number * room :][:room]
        for number in range(count)
    ]
