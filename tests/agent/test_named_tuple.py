"""A named tuple does what `typing`'s does."""

from __future__ import annotations

import typing
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.named_tuple import NamedTuple

_NAMES = st.lists(st.sampled_from(["a", "cls", "self", "x1", "é", "name", "index"]), unique=True)
_VALUES = st.lists(st.one_of(st.none(), st.integers(), st.text(max_size=3)), max_size=8)


@given(_NAMES, _VALUES, _VALUES, _VALUES)
def test_any_does_what_typings_does(
    names: list[str], defaults: list[object], values: list[object], others: list[object]
) -> None:
    having = dict(zip(reversed(names), defaults, strict=False))

    def define(base: Any) -> Any:
        body = {"__annotations__": dict.fromkeys(names, object), "__module__": __name__} | having
        return type(base)("Made", (base,), body)

    ours, theirs = define(NamedTuple), _typings(names, having)
    named = dict(zip(names, others, strict=False))
    for ask in (
        lambda made: made(*values),
        lambda made: made(**named),
        lambda made: made._make(values),
        lambda made: made(*values)._replace(**named),
        lambda made: made(*values)._replace(nothing=1),
        lambda made: made(*values)._asdict(),
        lambda made: made(*values)[: len(names)],
        lambda made: [getattr(made(*values), name) for name in names],
        lambda made: (made._fields, made._field_defaults, made.__match_args__),
        lambda made: made(*values) == tuple(values),
    ):
        assert _told(lambda ask=ask: ask(ours)) == _told(lambda ask=ask: ask(theirs))  # type: ignore[misc]


def test_a_class_of_many_fields_or_with_a_gap_in_its_defaults_is_refused() -> None:
    make: Any = type(NamedTuple)
    many = {f"f{number}": int for number in range(100)}
    with pytest.raises(TypeError, match="more than"):
        make("Many", (NamedTuple,), {"__annotations__": many, "__module__": __name__})
    with pytest.raises(TypeError, match="without a default"):
        make(
            "Gap",
            (NamedTuple,),
            {"__annotations__": {"a": int, "b": int}, "a": 1, "__module__": __name__},
        )


def _typings(names: list[str], having: dict[str, object]) -> Any:
    made: Any = typing.NamedTuple("Made", [(name, object) for name in names])  # type: ignore[misc]
    made.__new__.__defaults__ = tuple(having[name] for name in names if name in having)
    made._field_defaults = {name: having[name] for name in names if name in having}
    return made


def _told(ask: Callable[[], object]) -> str:
    """What is answered or raised, in words."""
    try:
        return repr(ask())
    except (TypeError, ValueError) as error:
        return f"{type(error).__name__}: {error}".replace("Made.", "")
