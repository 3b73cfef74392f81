"""A record does what the same dataclass of the standard library does."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import typing
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import records

T = TypeVar("T")


@records.dataclass(frozen=True, slots=True)
class Point:
    """A place."""

    x: int
    y: int | None = None
    tags: Mapping[str, str] = records.field(default_factory=dict)
    secret: str = records.field(default="", repr=False)

    @property
    def far(self) -> bool:
        return self.x > 9


@records.dataclass(frozen=True, slots=True, kw_only=True)
class Named(Point):
    name: str


@records.dataclass(slots=True)
class Counter(Generic[T]):
    of: T
    seen: list[int] = records.field(default_factory=list)


@records.dataclass(slots=True, eq=False)
class Loop:
    turns: int = 0

    def __post_init__(self) -> None:
        if self.turns < 0:
            raise ValueError("below 0")


@records.dataclass(frozen=True, slots=True)
class Empty:
    pass


def test_values_come_by_place_by_name_and_by_default() -> None:
    point = Point(1, secret="s")
    assert (point.x, point.y, point.tags, point.secret, point.far) == (1, None, {}, "s", False)
    assert Point(1).tags is not Point(1).tags
    with pytest.raises(TypeError, match=r"Point\.__init__\(\) missing 1 required positional"):
        Point()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="unexpected keyword argument 'z'"):
        Point(1, z=2)  # type: ignore[call-arg]


def test_a_record_inherits_fields() -> None:
    named = Named(1, 2, name="n")
    assert (named.x, named.y, named.name) == (1, 2, "n")
    assert repr(named) == "Named(x=1, y=2, tags={}, name='n')"
    assert [field.name for field in dataclasses.fields(Named)] == [
        "x",
        "y",
        "tags",
        "secret",
        "name",
    ]
    assert Named.__match_args__ == ("x", "y", "tags", "secret")
    with pytest.raises(TypeError, match="positional"):
        Named(1, 2, {}, "", "n")  # type: ignore[call-arg]


def test_what_it_holds_is_looked_at_once_it_is_there() -> None:
    with pytest.raises(ValueError, match="below 0"):
        Loop(-1)


def test_frozen_ones_stay_as_they_are_and_have_a_hash() -> None:
    point = Point(1, tags={})
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot assign to field 'x'"):
        point.x = 2  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot delete field 'x'"):
        del point.x
    assert hash(Empty()) == hash(Empty())
    assert len({Named(1, tags=_Tags(), name="a"), Named(1, tags=_Tags(), name="a")}) == 1


class _Tags(dict[str, str]):
    def __hash__(self) -> int:  # type: ignore[override]
        return 1


def test_others_change_and_have_none() -> None:
    counter = Counter("a")
    counter.of = "b"
    assert counter == Counter("b")
    assert counter != Counter("a")
    with pytest.raises(TypeError, match="unhashable"):
        hash(counter)
    loop = Loop()
    assert loop != Loop()
    assert len({loop, Loop(), loop}) == 2


def test_nothing_else_has_room_in_it() -> None:
    assert not hasattr(Point(1), "__dict__")
    with pytest.raises(AttributeError):
        Counter(1).other = 1  # type: ignore[attr-defined]


def test_records_of_two_types_differ() -> None:
    assert Point(1) != Named(1, name="")
    assert Point(1) == Point(1)
    nan = float("nan")
    assert Counter(nan) == Counter(nan), "one and the same, as in a tuple"
    assert Counter(float("nan")) != Counter(float("nan"))


@pytest.mark.parametrize("one", [Point(1), Named(1, name="n"), Counter("x", [1]), Empty()])
def test_they_are_copied_and_pickled(one: object) -> None:
    assert pickle.loads(pickle.dumps(one)) == one
    assert copy.copy(one) == one
    assert copy.deepcopy(one) == one


def test_the_standard_library_knows_its_fields() -> None:
    fields = {field.name: field for field in dataclasses.fields(Point)}
    assert dataclasses.is_dataclass(Point)
    assert fields["y"].default is None
    assert fields["x"].default is dataclasses.MISSING
    assert fields["tags"].default_factory is dict
    assert not fields["secret"].repr
    assert [field.kw_only for field in dataclasses.fields(Named)] == [False] * 4 + [True]
    assert dataclasses.asdict(Point(1)) == {"x": 1, "y": None, "tags": {}, "secret": ""}
    assert dataclasses.replace(Point(1), y=2) == records.replace(Point(1), y=2) == Point(1, 2)
    assert typing.get_type_hints(Named)["y"] == int | None


def test_what_is_no_record_is_refused() -> None:
    with pytest.raises(ValueError, match="one list for all instances"):

        @records.dataclass(slots=True)
        class Shared:
            seen: list[int] = []  # noqa: RUF012 that is the point

    with pytest.raises(TypeError, match="no field of a record"):

        @records.dataclass(slots=True)
        class Odd:
            count: typing.ClassVar[int] = 0

    with pytest.raises(TypeError, match="has slots"):
        records.dataclass(slots=False)


_NAMES = st.lists(
    st.sampled_from(["a", "self_", "_missing_", "x1", "cls", "é", "name", "other"]), unique=True
)
_VALUE = st.one_of(st.none(), st.integers(), st.text(max_size=3))


@given(
    names=_NAMES,
    defaults=st.lists(_VALUE, max_size=4),
    frozen=st.booleans(),
    kw_only=st.booleans(),
    values=st.lists(_VALUE, max_size=9),
    others=st.lists(_VALUE, max_size=9),
)
def test_any_record_does_what_the_dataclass_does(
    names: list[str],
    defaults: list[object],
    frozen: bool,
    kw_only: bool,
    values: list[object],
    others: list[object],
) -> None:
    having = dict(zip(reversed(names), defaults, strict=False))

    def define(dataclass: Callable[..., Any]) -> Any:
        body = {"__annotations__": dict.fromkeys(names, "object"), "__module__": __name__} | having
        return dataclass(frozen=frozen, slots=True, kw_only=kw_only)(type("Made", (), body))

    ours, theirs = define(records.dataclass), define(dataclasses.dataclass)
    given_, other = dict(zip(names, values, strict=False)), dict(zip(names, others, strict=False))
    places = () if kw_only else values
    by_name = given_ if kw_only else {}
    assert _told(lambda: ours(*places, **by_name)) == _told(lambda: theirs(*places, **by_name))
    for ask in (
        lambda made: made(**given_) == made(**other),
        lambda made: hash(made(**given_)),
        lambda made: made.__match_args__,
        lambda made: [(f.name, f.default, f.kw_only) for f in dataclasses.fields(made)],
    ):
        assert _told(lambda ask=ask: ask(ours)) == _told(lambda ask=ask: ask(theirs))  # type: ignore[misc]


class Place(records.NamedTuple):
    """Where."""

    row: int
    column: int | None = None

    @property
    def square(self) -> int:
        """Of the row."""
        return self.row**2

    @classmethod
    def first(cls) -> Place:
        return cls(0)


class Same(typing.NamedTuple):
    """Where."""

    row: int
    column: int | None = None


def test_a_named_tuple_is_what_typing_makes_of_it() -> None:
    place, same = Place(3), Same(3)
    assert tuple(place) == tuple(same)
    assert repr(place) == repr(same).replace("Same", "Place")
    assert place._replace(column=1) == Place(3, column=1)
    assert (place.square, Place.first()) == (9, (0, None))
    for name in ("_fields", "_field_defaults", "__match_args__", "__doc__", "__module__"):
        assert getattr(Place, name) == getattr(Same, name)
    assert Place.__qualname__ == "Place"
    assert typing.get_type_hints(Place) == typing.get_type_hints(Same)
    assert pickle.loads(pickle.dumps(place)) == copy.deepcopy(place) == place
    assert type(pickle.loads(pickle.dumps(place))) is Place
    match place:
        case Place(row, None):
            assert row == 3


def test_a_named_tuple_has_a_value_for_each_field() -> None:
    with pytest.raises(TypeError, match="row"):
        Place()  # type: ignore[call-arg]


def _told(ask: Callable[[], object]) -> str:
    """What is answered or raised, in words."""
    try:
        return repr(ask())
    except TypeError as error:
        return f"TypeError: {error}"
