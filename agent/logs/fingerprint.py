"""Which file is this? The head of a log file, as its name in the checkpoint.

Inode numbers are used again and paths move with every rotation, but the first bytes of a log hold
a time to the nanosecond. A `Head` is how many of them were there (at most 1 KiB) and their digest;
a file has it while its first bytes are still the same. A short head grows with its file.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

from agent.records import NamedTuple

HEAD_SIZE: Final = 1024


class Head(NamedTuple):
    """The first bytes of a file."""

    length: int
    """0 to HEAD_SIZE bytes."""
    digest: str
    """32 hex digits of BLAKE2b."""

    @property
    def full(self) -> bool:
        """As long as it gets: it names its file even where the inode changed."""
        return self.length == HEAD_SIZE


def head_of(data: bytes) -> Head:
    """Name a file by its first bytes, of which at most HEAD_SIZE count."""
    data = data[:HEAD_SIZE]
    return Head(len(data), blake2b(data, digest_size=16).hexdigest())


def still_has(head: Head, data: bytes) -> bool:
    """Whether a file that begins with `data` (HEAD_SIZE bytes, or all it has) has this head."""
    return len(data) >= head.length and head_of(data[: head.length]) == head
