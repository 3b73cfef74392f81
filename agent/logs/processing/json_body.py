"""A line that is a JSON object → more fields of its record. Pure.

    {"msg":"paid","level":"info","status":200,"user":{"id":7}}

    nested  "json": {"msg":"paid","level":"info","status":"200","user":"{\\"id\\":7}"}
    flat    "msg":"paid","level":"info","status":"200","user.id":"7"

The line itself stays the record's text. Values are text, as all fields of a record are (entry.py):
numbers, booleans and null as JSON writes them; so a field that is a number in one container's lines
and a word in another's never breaks an index. A flat name that the record has already, or that no
destination would take, gets "json." before it. What is not an object stays a line of text.
"""

from __future__ import annotations

from typing import Final

import orjson

from agent.logs.entry import Extra

LONGEST: Final = 64 * 1024
"""Bytes of a line that is parsed."""
MOST: Final = 200
"""Members: a map with more is data, and would be a field explosion in an index."""
_DEPTH: Final = 5
"""Levels that flat names go down; below, a value is JSON text."""


def parse_body(content: bytes) -> dict[str, object] | None:
    """The object that a line is, or None."""
    if len(content) > LONGEST or not content.lstrip().startswith(b"{"):
        return None
    try:
        body = orjson.loads(content)
    except ValueError:
        return None
    return body if isinstance(body, dict) and body and len(body) <= MOST else None


def nested(body: dict[str, object]) -> Extra | None:
    """All members below "json"; None where it cannot be written as text."""
    try:
        return {"json": {key: _text(value) for key, value in body.items()}}
    except (TypeError, ValueError):  # orjson reads deeper than it writes
        return None


def flat(body: dict[str, object], taken: frozenset[str]) -> Extra | None:
    """All members side by side, none called like one of `taken`."""
    out: Extra = {}
    try:
        _flatten(body, "", 0, taken, out)
    except (TypeError, ValueError):
        return None
    return out if len(out) <= MOST else None


def _flatten(
    body: dict[str, object], prefix: str, depth: int, taken: frozenset[str], out: Extra
) -> None:
    for key, value in body.items():
        name = prefix + key
        if isinstance(value, dict) and value and depth < _DEPTH:
            _flatten(value, f"{name}.", depth + 1, taken, out)
            continue
        if name in taken or not name or name.startswith("_"):
            name = f"json.{name}"
        out[name] = _text(value)


def _text(value: object) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()
