"""How a field gets its value from an Item, and of several Items together. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from agent.kernelfile import UNLIMITED, Unlimited
from agent.selection.item import Item, Value
from agent.usage import HostUsage, Unknown, Usage

Read = Callable[[Item], Value]
Total = Callable[[Sequence[Item]], Value]

GONE = Unknown.INAPPLICABLE
"""What is said of every measure of something that has ended."""


def measured(name: str) -> Read:
    """The field `name` of its Usage, or why it is None."""

    def read(item: Item) -> Value:
        usage = item.usage
        if usage is None:
            return GONE
        # What is not in `unknown` is not None.
        value: Value = usage.unknown.get(name) or getattr(usage, name)
        return value

    return read


def share(part: str, limit: str, ratio: str) -> tuple[Read, Total]:
    """
    The Usage's field `ratio`, UNLIMITED where its field `limit` is; and that of several.

    Of several it is the sum's share of the sum of limits; where one has none, there is none.
    """
    of_one, part_of, limit_of = measured(ratio), measured(part), measured(limit)

    def read(item: Item) -> Value:
        found = limit_of(item)
        return found if isinstance(found, Unlimited) else of_one(item)

    return read, _ratio(part_of, limit_of)


def derived(get: Callable[[Usage], float | int | None], *, lacks: str) -> Read:
    """A number from a Usage; where it is None, for the reason its field `lacks` has."""

    def read(item: Item) -> Value:
        if item.usage is None:
            return GONE
        value = get(item.usage)
        if value is not None:
            return value
        return item.usage.unknown.get(lacks, Unknown.UNSUPPORTED)

    return read


def of_host(part: str, whole: Callable[[HostUsage], float | int | None]) -> tuple[Read, Total]:
    """The Usage's field `part` as a share of the machine's."""
    part_of = measured(part)

    def read(item: Item) -> Value:
        return _of_host(part_of(item), item, whole)

    def several(items: Sequence[Item]) -> Value:
        return _of_host(total(part_of)(items), items[0], whole) if items else GONE

    return read, several


def of_request(part: str, request: Read) -> tuple[Read, Total]:
    """The Usage's field `part` as a share of what Kubernetes keeps free for it."""
    part_of = measured(part)

    def read(item: Item) -> Value:
        return _divided(part_of(item), request(item))

    return read, _ratio(part_of, request)


def total(read: Read) -> Total:
    """The sum of those that are known; without one, why the first is not."""

    def several(items: Sequence[Item]) -> Value:
        values = [read(item) for item in items]
        known = [value for value in values if isinstance(value, int | float)]
        if known:
            return sum(known)
        return next((value for value in values if not isinstance(value, str)), GONE)

    return several


def total_limit(read: Read) -> Total:
    """The sum of limits: none where one has none."""

    def several(items: Sequence[Item]) -> Value:
        if any(isinstance(read(item), Unlimited) for item in items):
            return UNLIMITED
        return total(read)(items)

    return several


def most(read: Read) -> Total:
    """The largest of those that are known: of shares of time, which have no sum."""

    def several(items: Sequence[Item]) -> Value:
        values = [read(item) for item in items]
        known = [value for value in values if isinstance(value, int | float)]
        return max(known) if known else next(iter(values), GONE)

    return several


def same(read: Read) -> Total:
    """The text they all have; "" where they differ."""

    def several(items: Sequence[Item]) -> Value:
        values = {read(item) for item in items}
        return values.pop() if len(values) == 1 else ""

    return several


def _ratio(part: Read, whole: Read) -> Total:
    def several(items: Sequence[Item]) -> Value:
        return _divided(total(part)(items), total_limit(whole)(items))

    return several


def _divided(part: Value, whole: Value) -> Value:
    if isinstance(whole, Unlimited):
        return UNLIMITED
    if isinstance(whole, int | float):
        if not whole:
            return Unknown.INAPPLICABLE
        return part / whole if isinstance(part, int | float) else part
    return whole


def _of_host(part: Value, item: Item, whole: Callable[[HostUsage], float | int | None]) -> Value:
    size = None if item.host is None else whole(item.host)
    if not size:
        return Unknown.UNSUPPORTED
    return part / size if isinstance(part, int | float) else part
