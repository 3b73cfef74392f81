"""Snapshots and events that may be handed on. Pure.

A Snapshot holds no environment and no command line. What is taken out of it:

    labels, annotations     their values, but for `KEPT` and those asked for; the keys stay
    every other text        what `agent.redaction` takes for a secret
    machine id, system id   all of them; the boot id stays, it tells two boots apart

Names, images, paths and addresses stay: without them nothing can be explained.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from fnmatch import fnmatchcase
from typing import Final, TypeVar, cast

from agent import redaction
from agent.container.container import Container
from agent.history.schema import record_types
from agent.machine import Machine

T = TypeVar("T")

KEPT: Final = (
    *("com.docker.compose.project", "com.docker.compose.service"),
    "com.docker.compose.container-number",
    *("io.podman.compose.project", "io.podman.compose.service"),
    *("io.kubernetes.pod.*", "io.kubernetes.container.*", "app.kubernetes.io/*"),
    *("app", "version", "pod-template-hash", "controller-revision-hash"),
    *("org.opencontainers.image.title", "org.opencontainers.image.version"),
    "org.opencontainers.image.revision",
)
"""Patterns of labels that say what a container is."""
_LABELS: Final = frozenset({"labels", "pod_labels", "annotations"})
_IDS: Final = frozenset({"machine_id", "system_uuid"})


class Redaction:
    """Redacts one row of Snapshots: what two of them share, they share afterwards."""

    def __init__(self, kept: Collection[str] = ()) -> None:
        """kept: patterns of labels to keep beside `KEPT`."""
        self._kept = (*KEPT, *kept)
        self._types = record_types()
        self._known: dict[int, tuple[object, object]] = {}
        """id → (the value, which keeps its id from being used again; what it became)."""

    def redacted(self, record: T) -> T:
        """The record without secrets."""
        return cast(T, self._value(record))

    def _value(self, value: object) -> object:
        kind = type(value)
        if kind is str:
            return redaction.text(cast(str, value))
        if kind in (int, float, bool, bytes, type(None)):
            return value
        known = self._known.get(id(value))
        if known is None:
            known = self._known[id(value)] = value, self._composite(value)
        return known[1]

    def _composite(self, value: object) -> object:
        record = self._types.get(type(value))
        if record is not None:
            before = record.split(value)
            if record.counts or record.fields in (("name",), ("id",)):
                return value  # numbers, a member of an enum, a check
            after = [
                self._field(value, name, field)
                for name, field in zip(record.fields, before, strict=True)
            ]
            same = all(a is b for a, b in zip(before, after, strict=True))
            return value if same else record.join(after)
        if isinstance(value, Mapping):
            return {self._value(key): self._value(item) for key, item in value.items()}
        if isinstance(value, frozenset):
            return frozenset(map(self._value, value))
        if isinstance(value, tuple):
            items = tuple(map(self._value, value))
            return value if all(a is b for a, b in zip(value, items, strict=True)) else items
        return value

    def _field(self, owner: object, name: str, value: object) -> object:
        if isinstance(owner, Container) and name in _LABELS:
            return self._labels(cast("Mapping[str, str]", value))
        if isinstance(owner, Machine) and name in _IDS:
            return ""
        return self._value(value)

    def _labels(self, labels: Mapping[str, str]) -> dict[str, str]:
        return {
            key: redaction.text(value) if self._is_kept(key) else redaction.MARK
            for key, value in labels.items()
        }

    def _is_kept(self, key: str) -> bool:
        return any(fnmatchcase(key, pattern) for pattern in self._kept)
