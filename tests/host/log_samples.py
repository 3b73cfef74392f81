"""Lines that are hard to carry, as the runtimes write them into files."""

from __future__ import annotations

import json
import time

TEXTS = (
    "GET /index.html 200",
    "",
    '{"level":"info","message":"a \\"quoted\\" word","path":"C:\\\\temp"}',
    "tab\there, \x1b[31mred\x1b[0m, nul \x00",
    "ü € 😀 \u2028 <&>",
    "  spaces at both ends  ",
    "long " + "x" * 2000,
)
POD_LOG = "var/log/pods/shop_web-5f7d_0b3c8d1e-0000-4000-8000-000000000001/web/0.log"

Rows = list[tuple[int, str]]
"""Nanoseconds since 1970, each later than the one before, and the line."""


def sample_rows(count: int, began_ns: int) -> Rows:
    rows = [(began_ns + number * 1_000_003, _text(number)) for number in range(count - 1)]
    return [*rows, (began_ns + count * 1_000_003, "x" * 100_000)]


def docker_file(rows: Rows) -> bytes:
    return b"".join(
        json.dumps(
            {"log": line + "\n", "stream": "stdout", "time": _stamp(time_ns)},
            separators=(",", ":"), ensure_ascii=False,
        ).encode() + b"\n"
        for time_ns, line in rows
    )  # fmt: skip


def cri_file(rows: Rows, stream: str) -> bytes:
    return b"".join(f"{_stamp(time_ns)} {stream} F {line}\n".encode() for time_ns, line in rows)


def _text(number: int) -> str:
    chosen = TEXTS[number % len(TEXTS)]
    return f"{number} {chosen}" if chosen else ""  # an empty line is one


def _stamp(time_ns: int) -> str:
    seconds, nanoseconds = divmod(time_ns, 10**9)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{nanoseconds:09d}Z"
