"""Values of a cgroup's files that come from somewhere else: from one walk of the kernel's own tree.

    Swept      who has them: file name -> value as that file's parser returns it
    Check      the files stay the truth: every few seconds one cgroup's are read before and after
               the walk, and must hold what it said

A file that is not there has no value, whatever the walk says: a controller that is off, a kernel
that counts and does not show.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

STRIKES: Final = 3
"""Looks in a row at which one field is wrong, before the walk is not believed any more. One may be
chance: a number that moved and came back between two reads."""

LAGGING: Final = frozenset({"cpu.pressure", "memory.pressure", "io.pressure"})
"""Reading these has the kernel sum up what a walk finds up to two seconds old: never equal."""

Values = Mapping[str, object]
"""File name -> value. The same object as long as nothing in it changes."""

NOTHING: Final[Values] = {}


class Swept(Protocol):
    """Every cgroup's counters, read together."""

    def walk(self) -> None:
        """Read them all again. A walk that fails has no values until the next one."""

    def v2(self, inode: int) -> Values:
        """What a cgroup2 directory's files say; NOTHING where it is not known."""

    def v1(self, controller: str, inode: int) -> Values:
        """What the files of a v1 controller's directory say."""

    def distrust(self, reason: str) -> None:
        """Stop: the files say otherwise."""


def differs(before: object, swept: object, after: object) -> bool:
    """
    Whether a value cannot have been true between two reads of its file.

    What moved meanwhile and is no tuple of counters says nothing.
    """
    if isinstance(swept, tuple) and isinstance(before, tuple) and isinstance(after, tuple):
        return len(swept) != len(before) or any(
            differs(old, value, new) for old, value, new in zip(before, swept, after, strict=True)
        )
    if before is None or after is None:
        return False
    return before == after and swept != before


class Check:
    """Counts how often in a row each field was wrong."""

    def __init__(self) -> None:
        self._strikes: dict[str, int] = {}

    def look(self, before: Values, swept: Values, after: Values) -> str:
        """The reason not to believe the walk any more; "" while there is none."""
        strikes: dict[str, int] = {}
        for name, value in swept.items():
            if name in LAGGING or name not in before or name not in after:
                continue
            if not differs(before[name], value, after[name]):
                continue
            strikes[name] = self._strikes.get(name, 0) + 1
            if strikes[name] >= STRIKES:
                return f"{name}: the walk says {value}, the file {after[name]}"
        self._strikes = strikes
        return ""

    @property
    def doubtful(self) -> bool:
        """Whether the last look found something: the same cgroup is to be looked at again."""
        return bool(self._strikes)
