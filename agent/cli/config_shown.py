"""A whole configuration as TOML that could be its file, or as JSON. Pure.

    [metrics]
    listen = "127.0.0.1:9464"    # default
    interval = 5.0               # /etc/agent/agent.toml:3

JSON: {"schema_version": 1, "values": [{"key": "metrics.interval", "value": 5.0, "origin": "…"}]}
What looks like a secret is "[redacted]"; a configuration names files that hold secrets.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Final, Protocol

import orjson

from agent import redaction
from agent.config import Config
from agent.records import NamedTuple

SCHEMA_VERSION: Final = 1


class OriginOf(Protocol):
    """Where values come from."""

    def of(self, key: str) -> str:
        """ "default", or who says it."""


class Value(NamedTuple):
    """One value."""

    section: str
    """As a header has it: "logs.destination[1]"."""
    name: str
    value: object
    """str, bool, int, float or a list of str."""
    origin: str

    @property
    def key(self) -> str:
        """ "metrics.listen"."""
        return f"{self.section}.{self.name}"


def values(config: Config, origins: OriginOf) -> list[Value]:
    """Every value, in the order of `agent.config`."""
    return [
        value
        for field in dataclasses.fields(config)
        for value in _section(field.name, getattr(config, field.name), origins)
    ]


def as_toml(shown: list[Value], *, origin: bool) -> str:
    """The file. Rows of one list stand together, as TOML wants it."""
    lines: list[str] = []
    section = None
    for value in shown:
        if value.section != section:
            section = value.section
            if lines:
                lines.append("")
            lines.append(_header(section))
        text = f"{value.name} = {_toml(value.value)}"
        lines.append(f"{text:<50} # {value.origin}" if origin else text)
    return "\n".join(lines) + "\n"


def as_json(shown: list[Value]) -> str:
    """One line without its newline."""
    return orjson.dumps(
        {
            "schema_version": SCHEMA_VERSION,
            "values": [
                {"key": value.key, "value": _finite(value.value), "origin": value.origin}
                for value in shown
            ],
        }
    ).decode()


def _section(name: str, record: object, origins: OriginOf) -> Iterator[Value]:
    assert dataclasses.is_dataclass(record)
    below = []
    for field in dataclasses.fields(record):
        value = getattr(record, field.name)
        if dataclasses.is_dataclass(value):
            below.append((f"{name}.{field.name}", value))
        elif isinstance(value, tuple) and value and dataclasses.is_dataclass(value[0]):
            below += [(f"{name}.{field.name}[{place}]", row) for place, row in enumerate(value)]
        else:
            yield Value(name, field.name, _shown(value), origins.of(f"{name}.{field.name}"))
    for inner, value in below:
        yield from _section(inner, value, origins)


def _shown(value: object) -> object:
    if isinstance(value, str):
        return redaction.text(value)
    if isinstance(value, tuple):
        return [_shown(item) for item in value]
    return value


def _header(section: str) -> str:
    # The row's number says which one it is, and TOML counts by itself.
    name = "".join(part.partition("]")[2] if number else part for number, part in _parts(section))
    return f"[[{name}]]" if section.endswith("]") else f"[{name}]"


def _parts(section: str) -> Iterator[tuple[int, str]]:
    yield from enumerate(section.split("["))


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        # A TOML basic string takes what a JSON string is, but for DEL.
        return (
            orjson.dumps(value.encode("utf-8", "replace").decode())
            .decode()
            .replace("\x7f", "\\u007f")
        )
    if isinstance(value, list):
        return f"[{', '.join(_toml(item) for item in value)}]"
    return str(value)


def _finite(value: object) -> object:
    """JSON has no infinity: as text."""
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
