"""What each fuzz target begins with: a few good inputs, so that it need not guess the format."""

from __future__ import annotations

import gzip

import msgpack

from agent.logs import checkpoint
from agent.logs.checkpoint import FileRecord
from agent.logs.fingerprint import head_of

_TIME = b"2026-11-24T03:16:16.105173157"
_LOCAL = b"\x0a\x06stdout\x10\x95\x9a\xef\x3a\x1a\x05hello"
"""source "stdout", time_nano, line "hello"."""
_PIECE = _LOCAL + b"\x20\x01\x2a\x08\x08\x00\x12\x02id\x18\x01"
"""The first piece of a line: partial, and which line's."""


def _frame(message: bytes) -> bytes:
    size = len(message).to_bytes(4, "big")
    return size + message + size


def seeds() -> dict[str, list[bytes]]:
    """Target → inputs."""
    records = [
        FileRecord("/var/log/pods/a/0.log", 131, head_of(b"head"), 83120, False),
        FileRecord("/run/log/journal", 0, head_of(b""), 5, False, "s=" + "a" * 32 + ";i=4e;b=1"),
    ]
    return {
        "cri": [_TIME + b"Z stdout F line\n" + _TIME + b"+01:00 stderr P piece\n"],
        "docker": [
            b'{"log":"a\\u003cb\\n","stream":"stdout","time":"' + _TIME + b'Z"}\n',
            b'{"log":"x","stream":"stderr","attrs":{"a":"b"},"time":"' + _TIME + b'Z"}',
        ],
        "plain": ["a line\nünother\n".encode()],
        "docker-local": [_frame(_LOCAL), _frame(_PIECE) + _frame(_LOCAL)],
        "docker-local-message": [_LOCAL, _PIECE],
        "checkpoint": [checkpoint.encode(records), checkpoint.encode([])],
        "gzip": [
            gzip.compress(_TIME + b"Z stdout F line\n" * 20, mtime=0),
            gzip.compress(b"one\n", mtime=0) + gzip.compress(b"two\n", mtime=0),
        ],
        "json-body": [
            b'{"msg":"paid","level":"info","status":200,"user":{"id":7,"tags":["a",null,true]}}',
            b'{"json":{"a":1.5},"log":"x","n":18446744073709551616,"d":[[[[{"x":{}}]]]]}',
        ],
        "multiline": [
            b"java.lang.Error: x\n\tat a.B.c(B.java:1)\nCaused by: b.C: y\n\t... 3 more\nnext",
            b'Traceback (most recent call last):\n  File "a.py", line 1\nValueError: x\n\nnext',
            b"panic: x\n\ngoroutine 1 [running]:\nmain.main()\n\t/a.go:1 +0x1\nexit status 2",
            b"/a.js:1\n  throw x\n\nError: x\n    at a (b.js:1:1) {\n  code: 1\n}\n",
        ],
        "redaction": [
            b"Authorization: Basic dXNlcjpw\nAKIAIOSFODNN7EXAMPLE a@b.example 4111 1111 1111 1111",
            b"-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nafter",
            b"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2ln",
        ],
        "journal": [
            b"CONTAINER_ID_FULL=" + b"ab" * 32 + b"\0MESSAGE=hello\0PRIORITY=3\0_UID=0\0"
            b"SYSLOG_TIMESTAMP=" + _TIME + b"Z\0CONTAINER_PARTIAL_MESSAGE=true",
            b"_SYSTEMD_UNIT=a.service\0MESSAGE=x\0_SOURCE_REALTIME_TIMESTAMP=1795490176105173",
            b"s=739ad463348b4ceca5a9e69c95a3c93f;i=4ece7;b=6c7c6013a26343b29e964691ff25d04c;m=4fc72436e",
        ],
        "forward-ack": [msgpack.packb({"ack": "AAAAAAAAAAAAAAAAAAAAAA=="}) * 2],
        "forward-handshake": [
            msgpack.packb(["HELO", {"nonce": b"n" * 16, "auth": b"a" * 16, "keepalive": True}]),
            msgpack.packb(["PONG", True, "", "server", "0" * 128]),
            msgpack.packb(["PONG", False, "no"]),
        ],
        "loki-refusal": [
            b"7 errors like: entry for stream '{a=\"1\"}' has timestamp too old: 2026",
            b"total ignored: 3 out of 7 for stream: {}",
        ],
    }
