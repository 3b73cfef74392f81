"""What the fields of a document are called. Pure.

    flat    "stream":"stdout","container_id":"8f3…","pod":"web-5f7d","level":"error","offset":4096
    ecs     "stream":"stdout","container":{"id":"8f3…"},"kubernetes":{"pod":{"name":"web-5f7d"}},
            "ecs":{"version":"8.11.0"},"log":{"level":"error","offset":4096}

Names   https://www.elastic.co/docs/reference/ecs, and Filebeat's `kubernetes` and `log.offset`

What a line brought (a JSON body's members) never replaces what the agent says: it goes below
"extra" then. The dots in the names of Docker's `attrs` become "_": with both "app" and
"app.kubernetes.io/name" a field would be a value and an object, which no index takes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import orjson

from agent.logs.chunk import Extra
from agent.logs.entry import Value

_OURS: Final = frozenset({"@timestamp", "message", "offset"})
_ECS: Final = {
    "container_id": "container.id",
    "container_name": "container.name",
    "image": "container.image.name",
    "runtime": "container.runtime",
    "namespace": "kubernetes.namespace",
    "pod": "kubernetes.pod.name",
    "pod_uid": "kubernetes.pod.uid",
    "host": "host.name",
}
_ECS_VERSION: Final = "8.11.0"
_ECS_OURS: Final = frozenset(
    {"@timestamp", "message", "stream", "container", "kubernetes", "host", "labels", "ecs", "log"}
)
_LABEL: Final = "label_"


class FlatFields:
    """One container's, as everywhere in this agent."""

    kept = frozenset({"@timestamp", "message", "stream", "offset", "note"})
    """Names at the top of each document that are the agent's own, and have one type."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        self._fields = dict(fields)
        self._tails = {stream: self._with(stream, {}) for stream in ("stdout", "stderr", "")}

    @staticmethod
    def top(fields: Mapping[str, str]) -> frozenset[str]:
        """The names at the top of a document that `fields` have there."""
        return frozenset(fields)

    def tail(self, stream: str, offset: bytes, extra: Extra | None) -> bytes:
        """
        A document's fields after its message, each with a comma before it.

        offset: its digits; b"" where it is not known.
        """
        tail = self._tails[stream] if extra is None else self._with(stream, extra)
        return tail + b',"offset":' + offset if offset else tail

    def _with(self, stream: str, extra: Extra) -> bytes:
        pairs: dict[str, object] = {"stream": stream} if stream else {}
        pairs.update(self._fields)
        for key, value in extra.items():
            # A key of its own or the document's would make it two fields of one name.
            pairs[f"extra.{key}" if key in _OURS else key] = _without_dots(key, value)
        return b"," + orjson.dumps(pairs)[1:-1] if pairs else b""


class EcsFields:
    """One container's, as Elastic Common Schema has it, and Filebeat where that has nothing."""

    kept = frozenset({"@timestamp", "message", "stream", "ecs", "log"})

    def __init__(self, fields: Mapping[str, str]) -> None:
        self._fields = {_ecs_name(key, fields): value for key, value in fields.items()}
        self._tails = {stream: self._with(stream, {}, {}) for stream in ("stdout", "stderr", "")}

    @staticmethod
    def top(fields: Mapping[str, str]) -> frozenset[str]:
        """The names at the top of a document that `fields` have there."""
        return frozenset(_ecs_name(key, fields).partition(".")[0] for key in fields)

    def tail(self, stream: str, offset: bytes, extra: Extra | None) -> bytes:
        """As FlatFields.tail."""
        if extra is None:
            tail = self._tails[stream]
            return b'%b,"log":{"offset":%b}' % (tail, offset) if offset else tail
        return self._with(stream, {"offset": int(offset)} if offset else {}, extra)

    def _with(self, stream: str, log: dict[str, Value], extra: Extra) -> bytes:
        tree: dict[str, Value] = {"stream": stream} if stream else {}
        for key, own in self._fields.items():
            if not _put(tree, key, own):
                tree[f"extra.{key}"] = own
        tree["ecs"] = {"version": _ECS_VERSION}
        for key, value in extra.items():
            if key == "level" and isinstance(value, str):
                log["level"] = value
            elif key == "note":
                log["flags"] = [value]
            elif key == "attrs":
                tree["docker"] = {"attrs": _without_dots(key, value)}
            elif key.partition(".")[0] in _ECS_OURS or not _put(tree, key, value):
                tree[f"extra.{key}"] = value
        if log:
            tree["log"] = log
        return b"," + orjson.dumps(tree)[1:-1]


Fields = type[FlatFields] | type[EcsFields]
FIELDS: Final[dict[str, Fields]] = {"flat": FlatFields, "ecs": EcsFields}
"""By the key `schema`."""


def _ecs_name(key: str, fields: Mapping[str, str]) -> str:
    if key == "container_name" and "pod" in fields:
        return "kubernetes.container.name"
    if key.startswith(_LABEL):
        return f"labels.{key.removeprefix(_LABEL)}"
    return _ECS.get(key, key)


def _put(tree: dict[str, Value], name: str, value: Value) -> bool:
    """Set one field by its dotted name; False where another is in the way."""
    *parents, last = name.split(".")
    for parent in parents:
        inner = tree.setdefault(parent, {})
        if not isinstance(inner, dict):
            return False
        tree = inner
    if last in tree:
        return False
    tree[last] = value
    return True


def _without_dots(key: str, value: Value) -> Value:
    if key != "attrs" or not isinstance(value, dict):
        return value
    return {name.replace(".", "_"): inner for name, inner in value.items()}
