"""What containers can be grouped by, and the groups."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from agent.selection.fields import BY_NAME
from agent.selection.item import Item

NONE: Final = ""


def _pod(item: Item) -> str:
    found = item.container
    if found is None or not found.pod:
        return ""
    return f"{found.namespace}/{found.pod}" if found.namespace else found.pod


def _field(name: str) -> Callable[[Item], str]:
    field = BY_NAME[name]
    return lambda item: str(field.read(item))


GROUPINGS: Final[dict[str, Callable[[Item], str]]] = {
    "pod": _pod,
    "host": _field("host"),
    "namespace": _field("ns"),
    "project": _field("project"),
    "image": _field("image"),
    "runtime": _field("runtime"),
}
"""Name → the group an item is in; "" for none."""
CYCLE: Final = (NONE, *GROUPINGS)
"""In the order in which the key goes through them."""


def groups(items: Iterable[Item], by: str) -> dict[str, tuple[Item, ...]]:
    """Label → its items, in their order. Those in none are under "without a pod" and the like."""
    label = GROUPINGS[by]
    found: dict[str, list[Item]] = {}
    for item in items:
        found.setdefault(label(item) or f"without {_article(by)}", []).append(item)
    return {name: tuple(members) for name, members in found.items()}


def _article(by: str) -> str:
    return f"an {by}" if by[0] in "aeiou" else f"a {by}"
