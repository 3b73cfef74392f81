"""A line that is a JSON object → more fields of its record. Pure.

    {"msg":"paid","level":"info","status":200,"user":{"id":7}}

    nested  "json": {"msg":"paid","level":"info","status":200,"user":{"id":7}}
    flat    "msg":"paid","level":"info","status":200,"user.id":7

The line itself stays the record's text. Values keep their types; a destination whose records know
fewer writes the others as text. Integers over 64 bits are floating-point numbers. A flat name that
the record has already, or that no destination would take, gets "json." before it. What is not an
object, or nested deeper than any destination takes, stays a line of text.
"""

from __future__ import annotations

from typing import Final

import orjson

from agent.logs.entry import Extra, Value

LONGEST: Final = 64 * 1024
"""Bytes of a line that is parsed."""
MOST: Final = 200
"""Members: a map with more is data, and would be a field explosion in an index."""
DEEPEST: Final = 32
"""Levels of an object that is taken: OTLP writes four for each, and orjson 254 at most."""
_DEPTH: Final = 5
"""Levels that flat names go down; below, a value is an object."""


def parse_body(content: bytes) -> dict[str, Value] | None:
    """The object that a line is, or None."""
    if len(content) > LONGEST or not content.lstrip().startswith(b"{"):
        return None
    try:
        body = orjson.loads(content)
    except ValueError:
        return None
    if not isinstance(body, dict) or not body or len(body) > MOST:
        return None
    if content.count(b"{") + content.count(b"[") > DEEPEST and _too_deep(body):
        return None
    return body


def nested(body: dict[str, Value]) -> Extra:
    """All members below "json"."""
    return {"json": body}


def flat(body: dict[str, Value], taken: frozenset[str]) -> Extra | None:
    """All members side by side, none called like one of `taken`; None where there are too many."""
    out: Extra = {}
    _flatten(body, "", 0, taken, out)
    return out if len(out) <= MOST else None


def _flatten(
    body: dict[str, Value], prefix: str, depth: int, taken: frozenset[str], out: Extra
) -> None:
    for key, value in body.items():
        name = prefix + key
        if isinstance(value, dict) and value and depth < _DEPTH:
            _flatten(value, f"{name}.", depth + 1, taken, out)
            continue
        if name in taken or not name or name.startswith("_"):
            name = f"json.{name}"
        out[name] = value


def _too_deep(body: Value) -> bool:
    level = [body]
    for _ in range(DEEPEST):
        inner: list[Value] = []
        for value in level:
            if isinstance(value, dict):
                inner.extend(value.values())
            elif isinstance(value, list):
                inner.extend(value)
        level = inner
        if not level:
            return False
    return any(isinstance(value, dict | list) for value in level)
