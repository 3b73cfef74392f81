"""What the probes counted in one cgroup: one record of each probe that runs, by its type.

counts = sample.probes.get(TcpCounts)       # None: that probe does not run
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeVar, cast

from agent.records import dataclass

C = TypeVar("C")


class ProbeCounts:
    """Immutable."""

    __slots__ = ("_by_type",)

    def __init__(self, counts: Iterable[object] = ()) -> None:
        # Own probes share a type, and say which they are.
        self._by_type = {(type(each), getattr(each, "probe", "")): each for each in counts}

    def get(self, kind: type[C], probe: str = "") -> C | None:
        """The counts of this type, and of this own probe. None: nothing counts them here."""
        return cast("C | None", self._by_type.get((kind, probe)))

    def __iter__(self) -> Iterator[object]:
        """Every record."""
        return iter(self._by_type.values())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ProbeCounts) and self._by_type == other._by_type

    def __hash__(self) -> int:
        return hash(tuple(self._by_type))

    def __repr__(self) -> str:
        return f"ProbeCounts({list(self._by_type.values())!r})"


NO_COUNTS: Final = ProbeCounts()


@dataclass(frozen=True, slots=True)
class ProbesReading:
    """One look at all maps of all probes."""

    cgroups: Mapping[int, ProbeCounts]
    """Cgroup id -> counts, of those cgroups which counts belong to."""
    failures: tuple[str, ...] = ()
    """Probes that could not be read this time, with the reason. Their counts are absent."""
