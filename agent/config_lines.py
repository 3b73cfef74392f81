"""Which line of a TOML file says what. Pure.

    [metrics]                  2   {"metrics": 1, "metrics.listen": 2,
    listen = "…"
    [[logs.destination]]            "logs.destination[0]": 3, "logs.destination[0].type": 4}
    type = "file"

tomllib keeps no lines. It is asked statement by statement: one ends at the first line at which it
is whole, so strings and lists over several lines are what they are to tomllib.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping


def key_lines(text: str) -> dict[str, int]:
    """Key → line, from 1. `text` is TOML that tomllib takes; of other text, up to its mistake."""
    found: dict[str, int] = {}
    rows: dict[str, int] = {}
    section = ""
    for line, statement, said in _statements(text.splitlines()):
        if statement.startswith("["):
            path = _header(said)
            if statement.startswith("[["):
                name = _placed(path[:-1], rows)
                name = f"{name}.{path[-1]}" if name else path[-1]
                rows[name] = rows.get(name, -1) + 1
            section = _placed(path, rows)
            found.setdefault(section, line)
            continue
        for key in _leaves(said):
            found.setdefault(f"{section}.{key}" if section else key, line)
    return found


def _statements(lines: list[str]) -> Iterator[tuple[int, str, Mapping[str, object]]]:
    """(number of its first line, its text, what it says) of each."""
    start = 0
    while start < len(lines):
        first = lines[start].strip()
        if not first or first.startswith("#"):
            start += 1
            continue
        for end in range(start + 1, len(lines) + 1):
            try:
                said = tomllib.loads("\n".join(lines[start:end]))
            except tomllib.TOMLDecodeError:
                continue
            yield start + 1, first, said
            start = end
            break
        else:
            return


def _header(said: object) -> list[str]:
    """The path of a header, of what it says: {"logs": {"destination": [{}]}}."""
    path = []
    while said:
        if isinstance(said, list):
            said = said[0]
        elif isinstance(said, dict):
            ((name, said),) = said.items()
            path.append(name)
    return path


def _placed(path: list[str], rows: Mapping[str, int]) -> str:
    """The path with the row of each list on it: the last one that has begun."""
    placed = ""
    for name in path:
        placed = f"{placed}.{name}" if placed else name
        if placed in rows:
            placed += f"[{rows[placed]}]"
    return placed


def _leaves(said: Mapping[str, object], prefix: str = "") -> Iterator[str]:
    for name, value in said.items():
        key = prefix + name
        yield key
        if isinstance(value, dict):
            yield from _leaves(value, f"{key}.")
        elif isinstance(value, list):
            for place, item in enumerate(value):
                if isinstance(item, dict):
                    yield from _leaves(item, f"{key}[{place}].")
