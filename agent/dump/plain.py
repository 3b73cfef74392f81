"""Records as JSON, by the names they have here: `agent dump`. Pure.

    dataclass, NamedTuple      an object with its fields
    list, set                  a list; a set is sorted
    mapping                    an object; a key that is no text is its JSON: "[8,0]", "259"
    enum                       its value; no limit (UNLIMITED) is "max", the kernel's word
    ProbeCounts                {"TcpCounts": {…}}, an own probe's under "OwnCounts:NAME"
    a security check           its id
    float without a number     null: JSON has no infinity
    text that is not UTF-8     its bytes as "\\udcff"

`schema` says the same of each type as JSON Schema.
"""

from __future__ import annotations

import enum
import json
import math
from collections.abc import Iterable, Mapping, Set

from agent.bpf.counts import ProbeCounts
from agent.encodable import escaped
from agent.history.schema import record_types
from agent.security.check import Check

Json = dict[str, "Json"] | list["Json"] | str | float | int | bool | None


def plain(value: object) -> Json:
    """Any value that Snapshots, Usages and Events are made of. Raises TypeError for others."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str):
        return escaped(value)
    if isinstance(value, enum.Enum):
        return escaped(str(value.value))
    if isinstance(value, Check):
        return value.id
    if isinstance(value, ProbeCounts):
        return {counts_name(counts): plain(counts) for counts in value}
    record = record_types().get(type(value))
    if record is not None:
        fields = zip(record.fields, record.split(value), strict=True)
        return {name: plain(field) for name, field in fields}
    return _collection(value)


def counts_name(counts: object) -> str:
    """What a probe's counts are called: "TcpCounts", "OwnCounts:opens"."""
    probe = getattr(counts, "probe", "")
    return f"{type(counts).__name__}:{probe}" if probe else type(counts).__name__


def _collection(value: object) -> Json:
    if isinstance(value, Mapping):
        return {_key(plain(key)): plain(item) for key, item in value.items()}
    if isinstance(value, Set):
        return [plain(item) for item in sorted(value)]
    if isinstance(value, Iterable):
        return [plain(item) for item in value]
    raise TypeError(f"{type(value).__qualname__} is nothing to dump: {value!r}")


def _key(key: Json) -> str:
    return key if isinstance(key, str) else json.dumps(key, separators=(",", ":"))
