"""Which file is a copy of which: what a look at a directory sees of its files, and compares."""

from __future__ import annotations

from typing import Final

from agent.logs.fingerprint import HEAD_SIZE, Head
from agent.logs.inflate import Inflated
from agent.logs.tail import FileMark
from agent.records import NamedTuple

_STAMPED_HEAD: Final = 32
"""Bytes that name a file whose lines begin with, or hold, a time to the nanosecond."""


class Listed(NamedTuple):
    """A file of a container, as its directory has it."""

    name: str
    inode: int
    size: int
    mtime_ns: int


class Opened(NamedTuple):
    """The same, opened."""

    listed: Listed
    fd: int
    size: int
    """Of a compressed one as its trailer says, so modulo 2^32."""
    head: bytes
    inflated: Inflated | None

    def size_after(self, offset: int) -> int:
        """Bytes of its content, where `offset` of them are known to be there."""
        return self.size if self.inflated is None else self.inflated.size(offset)


class Copy(NamedTuple):
    """A file that is a copy of another."""

    mark: FileMark
    """Of what it is a copy of."""
    listed: Listed


def names(head: Head, *, stamped: bool) -> bool:
    """Whether a head alone names its file: a full one, or a short one with a time in it."""
    return head.full or (stamped and head.length >= _STAMPED_HEAD)


def named_alike(one: bytes, other: bytes, *, stamped: bool) -> bool:
    """Whether two files begin alike as far as the shorter goes, and that is enough to name them."""
    common = min(len(one), len(other))
    named = common == HEAD_SIZE or (stamped and common >= _STAMPED_HEAD)
    return named and one[:common] == other[:common]
