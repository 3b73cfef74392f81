"""The table of `agent ps`: who the containers are, and not what they do. Pure.

    NAME              STATE    AGE     RESTARTS  RUNTIME     IMAGE           POD       ID
    shop/api-7c/app   running  3h12m          0  containerd  shop/api:4.2    shop/api  3f2a9c0d1b2e

`?` is not known. Text of the kernel and of runtimes is cleaned of what moves a terminal's cursor.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import orjson

from agent.container.container import Container
from agent.encodable import escaped
from agent.records import dataclass
from agent.selection.item import Item
from agent.top.width import clean, display_width, fit
from agent.units import human_duration

SCHEMA_VERSION: Final = 1
NOT_KNOWN: Final = "?"
_ID: Final = 12
_IMAGE: Final = 40
_DIGEST: Final = "@sha256:"

Value = str | float | int | None


@dataclass(frozen=True, slots=True)
class Column:
    """One column."""

    name: str
    """In JSON; its heading is this in capitals."""
    read: Callable[[Item], Value]
    """None: not known."""
    write: Callable[[Value], str] = lambda value: NOT_KNOWN if value is None else str(value)
    right: bool = False


def _age(item: Item) -> float | None:
    started = item.container.started if item.container is not None else None
    if started is None and item.cgroup is not None:
        started = item.cgroup.created
    return None if started is None else max(item.wall_time - started, 0.0)


def _state(item: Item) -> str | None:
    if item.usage is None:
        return "running"  # one without a cgroup of its own was found by its process
    return item.usage.state


def _pod(item: Item) -> str:
    container = item.container
    if container is None or not container.pod:
        return ""
    return f"{container.namespace}/{container.pod}" if container.namespace else container.pod


def _of(get: Callable[[Container], Value]) -> Callable[[Item], Value]:
    return lambda item: None if item.container is None else get(item.container)


COLUMNS: Final = (
    Column("name", lambda item: item.title),
    Column("state", _state),
    Column(
        "age",
        _age,
        lambda value: NOT_KNOWN if value is None else human_duration(float(value)),
        right=True,
    ),
    Column("restarts", _of(lambda container: container.attempt), right=True),
    Column("runtime", _of(lambda container: container.runtime)),
    Column("image", _of(lambda container: container.image)),
    Column("pod", _pod),
    Column("id", _of(lambda container: container.id)),
)


def table(items: Sequence[Item], *, headers: bool, truncate: bool) -> str:
    """Text: one line for each, ended by a newline."""
    rows = [[_cell(column, item, truncate=truncate) for column in COLUMNS] for item in items]
    if headers:
        rows.insert(0, [column.name.upper() for column in COLUMNS])
    if not rows:
        return ""
    widths = [max(map(display_width, cells)) for cells in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        fitted = (
            fit(cell, width, right=column.right)
            for cell, width, column in zip(row, widths, COLUMNS, strict=True)
        )
        lines.append("  ".join(fitted).rstrip() + "\n")
    return "".join(lines)


def json_lines(items: Sequence[Item]) -> str:
    """One object for each, one line each: base units, null for not known."""
    return "".join(orjson.dumps(_body(item)).decode() + "\n" for item in items)


def json_document(items: Sequence[Item], wall_time: float) -> str:
    """One object: {"schema_version": 1, "time": …, "containers": […]}."""
    body = {
        "schema_version": SCHEMA_VERSION,
        "time": wall_time,
        "containers": [_body(item) for item in items],
    }
    return orjson.dumps(body).decode() + "\n"


def _body(item: Item) -> dict[str, object]:
    container = item.container
    body: dict[str, object] = {column.name: _plain(column.read(item)) for column in COLUMNS}
    body["kind"] = container.kind.value if container is not None else None
    body["started"] = container.started if container is not None else None
    body["cgroup"] = _plain(item.cgroup.path) if item.cgroup is not None else None
    return body


def _cell(column: Column, item: Item, *, truncate: bool) -> str:
    value = column.read(item)
    if truncate and isinstance(value, str):
        if column.name == "id":
            value = value[:_ID]
        elif column.name == "image":
            value = _short_image(value)
    return clean(column.write(value))


def _short_image(image: str) -> str:
    """Without the digest after a name, and the front of a long one cut off: the end tells most."""
    name, at, _ = image.partition(_DIGEST)
    image = name if at and name else image
    return image if len(image) <= _IMAGE else "…" + image[-_IMAGE + 1 :]


def _plain(value: Value) -> Value:
    return escaped(value) if isinstance(value, str) else value
