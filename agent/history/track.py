"""A row of Snapshots, Events and Notes as msgpack: of a Snapshot what changed since the last.

    payload of a Snapshot   [fields, order, samples]
        fields    differences of the Snapshot's fields without `samples`, from the one before
        order     0: the same cgroups in the same order; else their inodes
        samples   of each, its difference from the last sample of that inode; from none: {0: whole}
    payload of an Event     a whole value; of a Note too

The first Snapshot of a track is a difference from nothing, so a track can be read from its start
alone. Pure.
"""

from __future__ import annotations

import operator
from typing import Final, TypeVar, cast

import msgpack

from agent.diagnosis.note import Note
from agent.history.restore import Restorer, Unreadable
from agent.history.values import Plain, Writer
from agent.lifecycle.events import Event
from agent.model import Sample, Snapshot

Told = TypeVar("Told", Event, Note)

_FIELDS: Final = tuple(name for name in Snapshot.__slots__ if name != "samples")
_NOTHING: Final = object()
_split = operator.attrgetter(*_FIELDS)
_TEXT: Final = "surrogatepass"
"""A name may hold bytes that are no UTF-8, which Python has as surrogates."""


class TrackWriter:
    """Packs one row."""

    def __init__(self) -> None:
        self._writer = Writer()
        self._fields: tuple[object, ...]
        self._order: tuple[int, ...] | None
        self._samples: dict[int, Sample]
        self._forget()

    def types(self) -> bytes:
        """What a reader must know first."""
        return _pack(self._writer.table())

    def snapshot(self, snapshot: Snapshot) -> bytes:
        """The next one. Raises `values.NotStorable`."""
        fields = _split(snapshot)
        order = tuple(sample.cgroup.inode for sample in snapshot.samples)
        try:
            packed = self._difference(snapshot, fields, order)
        except OverflowError:
            # A counter of 64 bits began anew: tell everything, as `whole` does big numbers.
            self._forget()
            packed = self._difference(snapshot, fields, order)
        self._fields, self._order = fields, order
        self._samples = dict(zip(order, snapshot.samples, strict=True))
        return packed

    def event(self, event: Event | Note) -> bytes:
        """The next one. Raises `values.NotStorable`."""
        return _pack(self._writer.whole(event))

    def _forget(self) -> None:
        # No value is of the type of _NOTHING, so each is told whole.
        self._fields = (_NOTHING,) * len(_FIELDS)
        self._order = None
        self._samples = {}

    def _difference(
        self, snapshot: Snapshot, fields: tuple[object, ...], order: tuple[int, ...]
    ) -> bytes:
        difference, before = self._writer.difference, self._samples
        return _pack(
            [
                [difference(old, new) for old, new in zip(self._fields, fields, strict=True)],
                0 if order == self._order else [*map(self._writer.whole, order)],
                [difference(before.get(s.cgroup.inode), s) for s in snapshot.samples],
            ]
        )


class TrackReader:
    """Unpacks one row, from its start. Every method raises Unreadable."""

    def __init__(self, types: bytes) -> None:
        self._restorer = Restorer(_unpack(types))
        self._fields: tuple[object, ...] = (None,) * len(_FIELDS)
        self._order: tuple[object, ...] = ()
        self._samples: dict[object, Sample] = {}

    def snapshot(self, payload: bytes) -> Snapshot:
        """The next one."""
        try:
            return self._snapshot(_unpack(payload))
        except _MALFORMED as error:
            raise Unreadable(f"no Snapshot: {error!r}") from error

    def event(self, payload: bytes, kind: type[Told]) -> Told:
        """The next one, an Event or a Note."""
        try:
            event = self._restorer.whole(_unpack(payload))
        except _MALFORMED as error:
            raise Unreadable(f"no {kind.__name__}: {error!r}") from error
        if not isinstance(event, kind):
            raise Unreadable(f"no {kind.__name__} but {type(event).__name__}")
        return event

    def _snapshot(self, plain: Plain) -> Snapshot:
        changes, order, samples = cast("tuple[list[Plain], Plain, list[Plain]]", plain)
        later, before = self._restorer.later, self._samples
        self._fields = tuple(
            later(old, change) for old, change in zip(self._fields, changes, strict=True)
        )
        if order != 0:
            self._order = tuple(map(self._restorer.whole, cast("list[Plain]", order)))
        self._samples = {
            inode: cast(Sample, later(before.get(inode), change))
            for inode, change in zip(self._order, samples, strict=True)
        }
        values = dict(zip(_FIELDS, self._fields, strict=True))
        return Snapshot(samples=tuple(self._samples.values()), **values)  # type: ignore[arg-type]


_MALFORMED: Final = (
    *(ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RecursionError),
    msgpack.UnpackException,
)
"""What a payload that this agent did not write may end in. Damage is found by checksums before."""


def _pack(plain: Plain) -> bytes:
    packed: bytes = msgpack.packb(plain, unicode_errors=_TEXT)
    return packed


def _unpack(packed: bytes) -> Plain:
    try:
        plain: Plain = msgpack.unpackb(packed, strict_map_key=False, unicode_errors=_TEXT)
    except (ValueError, msgpack.UnpackException) as error:
        raise Unreadable(f"no msgpack: {error!r}") from error
    return plain
