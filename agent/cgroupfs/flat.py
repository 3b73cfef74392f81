"""The kernel's flat keyed format, one "key number" a line: memory.stat, cgroup.events and others.

Docs    https://docs.kernel.org/admin-guide/cgroup-v2.html#format

    populated 1
    frozen 0

Keys appear in any order, and new kernels put new ones in the middle: look up by key, not place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from agent.kernelfile import UnexpectedText

_MOST_LAYOUTS: Final = 32
"""A host has two or three (root, cgroups, slices without a controller)."""


def parse_flat(text: str) -> dict[str, int]:
    """Parse every line; one that is not "key number" is refused and quoted."""
    values: dict[str, int] = {}
    for line in text.splitlines():
        key, _, number = line.partition(" ")
        try:
            values[key] = int(number)
        except ValueError:
            raise UnexpectedText(line) from None
        if not key:
            raise UnexpectedText(line)
    return values


class FlatKeys:
    """
    Picks some keys out of a flat keyed file that is read again and again.

    memory.stat has 60 to 80 lines of which we use 21, and building a dict of them was a third of
    what a sweep over all cgroups cost. One kernel writes the same keys in the same order every
    time, so the places of our keys are remembered and used for as long as all the keys, ours and
    the others, are where they were. A text that differs is looked at line by line.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = tuple(keys)
        self._layouts: dict[int, tuple[list[str], list[int | None]]] = {}
        """Words in the text → (every key in order, where the value of each of ours is)."""

    def pick(self, text: str) -> list[int | None]:
        """Return the values in the order of the keys given; None where the text has no such key."""
        words = text.split()
        layout = self._layouts.get(len(words))
        if layout is None or layout[0] != words[::2]:
            layout = self._learn(text, words)
        try:
            return [None if place is None else int(words[place]) for place in layout[1]]
        except ValueError:
            raise UnexpectedText(text) from None

    def _learn(self, text: str, words: list[str]) -> tuple[list[str], list[int | None]]:
        parse_flat(text)  # refuses what is not "key number" on every line
        places = {key: 2 * index + 1 for index, key in enumerate(words[::2])}
        layout = words[::2], [places.get(key) for key in self._keys]
        if len(self._layouts) >= _MOST_LAYOUTS:
            self._layouts.clear()
        self._layouts[len(words)] = layout
        return layout
