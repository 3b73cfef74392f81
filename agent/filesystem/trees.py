"""Which directory trees are walked, when, and their newest sizes. No I/O, no clock of its own.

A tree is walked when somebody who can write to it wrote since the last time, but not more often
than each `interval`; and each `full_interval` in any case, since a deletion writes nothing.
"""

from __future__ import annotations

from collections.abc import Collection

from agent.filesystem.usage import Tree
from agent.records import dataclass


@dataclass(slots=True)
class _Planned:
    """When a tree is due."""

    changed: bool = True
    next_look: float = 0.0
    """Monotonic seconds: not before, however much it changed."""
    next_full: float = 0.0
    """Not later, whatever it says."""


class Trees:
    """The plan."""

    def __init__(self, interval: float, full_interval: float) -> None:
        self._interval = interval
        self._full_interval = full_interval
        self._planned: dict[str, _Planned] = {}
        self.sizes: dict[str, Tree] = {}
        """By path; of those walked at least once."""

    def want(self, path: str, *, changed: bool) -> None:
        """Somebody uses this tree. changed: and may have written to it."""
        planned = self._planned.setdefault(path, _Planned())
        planned.changed |= changed

    def retain(self, paths: Collection[str]) -> None:
        """Forget the trees nobody uses any more."""
        for path in self._planned.keys() - set(paths):
            del self._planned[path]
            self.sizes.pop(path, None)

    def __contains__(self, path: str) -> bool:
        """Whether somebody uses it."""
        return path in self._planned

    def due(self, now: float) -> list[str]:
        """The trees to walk now, the one that has waited longest first."""
        waiting = [
            (planned.next_look, path)
            for path, planned in self._planned.items()
            if now >= (planned.next_look if planned.changed else planned.next_full)
        ]
        return [path for _, path in sorted(waiting)]

    def next_due(self) -> float | None:
        """Monotonic seconds when the next one is due, as far as is known now."""
        return min(
            (
                planned.next_look if planned.changed else planned.next_full
                for planned in self._planned.values()
            ),
            default=None,
        )

    def started(self, path: str) -> None:
        """It is being walked: what changes from here on counts for the next time."""
        self._planned[path].changed = False

    def walked(self, path: str, tree: Tree | None, now: float, jitter: float) -> None:
        """It was. None: it could not be opened. jitter: a factor around 1."""
        planned = self._planned[path]
        planned.next_look = now + self._interval * jitter
        planned.next_full = now + self._full_interval * jitter
        if tree is None:
            self.sizes.pop(path, None)
        else:
            self.sizes[path] = tree
