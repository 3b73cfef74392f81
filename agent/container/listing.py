"""Names in a directory, read again only when the directory changed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Set
from typing import Final

from agent.container.statefile import Signature, raise_unless_absent, signature
from agent.records import NamedTuple

_TICK_NS: Final = 100_000_000
"""A change within one kernel tick (at most 10 ms) of the last listing leaves the same mtime, so a
listing this close to the mtime it saw is not trusted again."""


class _Seen(NamedTuple):
    signature: Signature
    read_at: int
    names: tuple[str, ...]


class Listings:
    """The names of many directories. An unchanged one costs a stat."""

    def __init__(self, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._now_ns = now_ns
        self._seen: dict[str, _Seen] = {}

    def names(self, path: str) -> tuple[str, ...]:
        """
        Sorted names in `path`; empty where it is absent.

        The same tuple object as before where nothing changed. Raises `Denied` and OSError.
        """
        now_is = signature(path)
        if now_is is None:
            self._seen.pop(path, None)
            return ()
        seen = self._seen.get(path)
        if (
            seen is not None
            and seen.signature == now_is
            and seen.read_at - now_is.mtime_ns > _TICK_NS
        ):
            return seen.names
        read_at = self._now_ns()
        try:
            names = tuple(sorted(os.listdir(path)))
        except OSError as error:
            raise_unless_absent(error, path)
            return ()
        if seen is not None and seen.names == names:
            names = seen.names
        self._seen[path] = _Seen(now_is, read_at, names)
        return names

    def retain(self, paths: Set[str]) -> None:
        """Forget every directory but these."""
        for path in self._seen.keys() - paths:
            del self._seen[path]
