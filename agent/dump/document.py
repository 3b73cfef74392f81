"""The documents of `agent dump`: a host, or one container.

    host        {"schema_version", "snapshot", "usages"}
    container   {"schema_version", "time", "sample", "usage", "above", "total", "events", "inspect"}

"usage" is over the time between two readings; `schema(…)` has every field.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import orjson

from agent.dump.plain import Json, plain
from agent.dump.schema import document_schema
from agent.lifecycle.events import Event
from agent.lifecycle.totals import Total, identity_of
from agent.model import Sample, Snapshot
from agent.usage import HostUsage, Unknown, Usage, host_usage, usages

SCHEMA_VERSION: Final = 1
_VERSION: Final[Json] = {"const": SCHEMA_VERSION}
_INSPECT: Final[Json] = {"type": "object", "description": "as `agent inspect -o json`"}


def host_document(before: Snapshot, after: Snapshot) -> bytes:
    """Everything of the host, with a newline."""
    body: Json = {
        "schema_version": SCHEMA_VERSION,
        "snapshot": plain(after),
        "host_usage": _host_usage(host_usage(before, after)),
        "usages": [_usage(usage) for usage in usages(before, after)],
    }
    return orjson.dumps(body, option=orjson.OPT_APPEND_NEWLINE)


def container_document(
    before: Snapshot, after: Snapshot, sample: Sample, events: Sequence[Event], inspected: str
) -> bytes:
    """
    Everything of one container, with a newline.

    sample: its own in `after`. events: those that are known, oldest first. inspected: the JSON of
    `agent.inspect.document`.
    """
    every = {usage.cgroup.inode: usage for usage in usages(before, after)}
    by_path = {one.cgroup.path: one for one in after.samples}
    above = []
    path = sample.cgroup.path
    while path not in ("", "/"):
        path = path.rpartition("/")[0] or "/"
        if path in by_path:
            above.append(by_path[path])
    body = {
        "schema_version": SCHEMA_VERSION,
        "time": after.wall_time,
        "sample": plain(sample),
        "usage": _usage(every[sample.cgroup.inode]),
        "above": [plain(one) for one in above],
        "total": plain(_total(after, sample)),
        "events": [plain(event) for event in events],
        "inspect": orjson.Fragment(inspected),
    }
    return orjson.dumps(body, option=orjson.OPT_APPEND_NEWLINE)


def schema(of: Literal["host", "container"]) -> bytes:
    """JSON Schema of a document, with a newline."""
    if of == "host":
        found = document_schema(
            "agent dump",
            {
                "schema_version": _VERSION,
                "snapshot": Snapshot,
                "host_usage": HostUsage,
                "usages": {"type": "array", "items": _usage_schema()},
            },
        )
    else:
        found = document_schema(
            "agent dump TARGET",
            {
                "schema_version": _VERSION,
                "time": float,
                "sample": Sample,
                "usage": _usage_schema(),
                "above": tuple[Sample, ...],
                "total": Total | None,
                "events": tuple[Event, ...],
                "inspect": _INSPECT,
            },
        )
    return orjson.dumps(found, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_INDENT_2)


def _usage(usage: Usage) -> Json:
    body: dict[str, Json] = {"cgroup": plain(usage.cgroup.path)}
    body |= {
        name: plain(getattr(usage, name)) for name in Usage.__slots__ if name not in _NOT_USAGE
    }
    body["unknown"] = {name: why.value for name, why in usage.unknown.items()}
    return body


_NOT_USAGE: Final = frozenset({"sample", "unknown"})


def _usage_schema() -> Json:
    return {
        "type": "object",
        "description": "agent.usage.Usage: rates between two readings, None with its reason",
        "properties": {
            "cgroup": {"type": "string"},
            **{name: {} for name in Usage.__slots__ if name not in _NOT_USAGE},
            "unknown": {
                "type": "object",
                "description": "field that is null -> why",
                "additionalProperties": {"enum": [why.value for why in Unknown]},
            },
        },
        "required": ["cgroup", "unknown"],
    }


def _host_usage(usage: HostUsage) -> Json:
    return {name: plain(getattr(usage, name)) for name in HostUsage.__slots__}


def _total(snapshot: Snapshot, sample: Sample) -> Total | None:
    if snapshot.lifetimes is None or sample.container is None:
        return None
    identity = identity_of(sample.container)
    return next((one for one in snapshot.lifetimes.totals if one.identity == identity), None)
