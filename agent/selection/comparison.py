"""The tests a filter is made of. Each says yes, no, or that it cannot be told. Pure."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable
from typing import Final

from agent.kernelfile import Unlimited
from agent.selection.field import Field
from agent.selection.item import Item
from agent.selection.quantity import EXPECTED, parse_quantity
from agent.usage import Unknown

Test = Callable[[Item], bool | None]
"""None: cannot be told."""

_NO_LIMIT: Final = ("none", "unlimited")


def contains(wanted: str) -> Test:
    """The bare word."""
    wanted = wanted.casefold()

    def test(item: Item) -> bool:
        texts = [item.title]
        if item.container is not None:
            found = item.container
            texts += [found.name, found.image, found.runtime]
            if found.id.casefold().startswith(wanted):
                return True
        if item.cgroup is not None:
            texts.append(item.cgroup.path)
        return any(wanted in text.casefold() for text in texts)

    return test


def compare_text(field: Field, operator: str, value: str) -> Test:
    """A comparison of text. Raises ValueError in words."""
    negative = operator.startswith("!")
    match operator.removeprefix("!"):
        case "~":
            try:
                fits = re.compile(value, re.IGNORECASE).search
            except (re.error, OverflowError, RecursionError) as error:
                raise ValueError(f"not a regular expression: {error}") from None
        case "=":
            fits = re.compile(fnmatch.translate(value), re.IGNORECASE).match
        case _:
            raise ValueError(
                f"{field.name} is text: compare it with = != ~ !~, not with {operator}"
            )

    def test(item: Item) -> bool | None:
        if field.each is not None:
            found = any(fits(text) for text in field.each(item) or ("",))
            return found is not negative
        text = field.read(item)
        if not isinstance(text, str):
            return None
        return (fits(text) is not None) is not negative

    return test


_COMPARE: Final[dict[str, Callable[[float, float], bool]]] = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
}


def compare_number(field: Field, operator: str, text: str) -> Test:
    """A comparison of numbers. Raises ValueError in words."""
    compare = _COMPARE.get(operator)
    if compare is None:
        raise ValueError(
            f"{field.name} is a number: compare it with = != > >= < <=, not {operator}"
        )
    if operator in ("=", "!=") and text.casefold() in _NO_LIMIT:
        return _limitless(field, wanted=operator == "=")
    wanted = parse_quantity(text, field.unit)
    if wanted is None:
        what = f"not {text!r}" if text else "which is missing"
        raise ValueError(f"{field.name} is compared with {EXPECTED[field.unit]}, {what}")

    def test(item: Item) -> bool | None:
        value = field.read(item)
        if isinstance(value, int | float):
            return compare(value, wanted)
        if isinstance(value, Unlimited) or value is Unknown.INAPPLICABLE:
            return operator == "!="
        return None

    return test


def _limitless(field: Field, *, wanted: bool) -> Test:
    def test(item: Item) -> bool | None:
        value = field.read(item)
        if isinstance(value, Unknown):
            return None
        return isinstance(value, Unlimited) is wanted

    return test


def negated(test: Test) -> Test:
    """Not `test`; what cannot be told stays so."""

    def negation(item: Item) -> bool | None:
        found = test(item)
        return None if found is None else not found

    return negation


def every(tests: list[Test]) -> Test:
    """All of them: no where one says no, whatever cannot be told."""

    def conjunction(item: Item) -> bool | None:
        found = [test(item) for test in tests]
        return False if False in found else None if None in found else True

    return conjunction


def one_of(tests: list[Test]) -> Test:
    """Any of them: yes where one says yes, whatever cannot be told."""

    def disjunction(item: Item) -> bool | None:
        found = [test(item) for test in tests]
        return True if True in found else None if None in found else False

    return disjunction
