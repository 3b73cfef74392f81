"""How old the oldest line is that is not acknowledged. One look a block, nothing a line.

The time is the runtime's own, of the first whole line of each block that was read; the time of
reading where that line says none. It is parsed when somebody asks, which is about once a second;
until then a block's first line is kept. Of bytes that were not read yet it is known since when they
are seen waiting.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from agent.logs.framing import Bytes
from agent.logs.tail import FileMark
from agent.logs.timestamps import NANOSECONDS, parse_rfc3339

_MOST: Final = 1000
"""Blocks remembered. With more on their way the answer stays that of the oldest."""
_KEPT: Final = 1024
"""Bytes of a first line that are kept; the time of a longer one is parsed at once."""
_STAMP: Final = 36
"""Bytes in which a time ends that a line begins with."""
_DOCKER_TIME: Final = b'"time":"'


class Lag:
    """One container's blocks on their way."""

    def __init__(self, log_format: str) -> None:
        self._format = log_format
        self._blocks: deque[tuple[FileMark, int, bytes, int]] = deque()
        """File, offset after the block, its first line, and the time if that says none."""
        self._waiting_since: float | None = None

    def unread(self, now: float) -> None:
        """Bytes wait to be read."""
        if self._waiting_since is None:
            self._waiting_since = now

    def all_read(self) -> None:
        """No bytes wait to be read."""
        self._waiting_since = None

    def read(self, mark: FileMark, end: int, block: Bytes, read_ns: int) -> None:
        """A block was read, up to `end` in its file."""
        if len(self._blocks) < _MOST:
            newline = block.find(b"\n")
            if newline > _KEPT:
                read_ns = first_time(self._format, block) or read_ns
            first = bytes(block[: newline + 1 + _STAMP]) if newline <= _KEPT else b""
            self._blocks.append((mark, end, first, read_ns))

    def seconds(self, now: float, wall_ns: int) -> float:
        """The age of the oldest line that is not acknowledged, where there is one."""
        blocks = self._blocks
        while blocks and (blocks[0][0].dead or blocks[0][0].acknowledged >= blocks[0][1]):
            blocks.popleft()
        if blocks:
            _mark, _end, first, read_ns = blocks[0]
            time_ns = first_time(self._format, first) or read_ns
            return max(0.0, (wall_ns - time_ns) / NANOSECONDS)
        return 0.0 if self._waiting_since is None else max(0.0, now - self._waiting_since)


def first_time(log_format: str, block: Bytes) -> int | None:
    """Nanoseconds since 1970 that the first whole line of a block begins or ends with, or None."""
    end = block.find(b"\n")
    if end < 0:
        return None
    # The first piece may be the end of an earlier line: a time at its end is good all the same.
    if log_format == "docker":
        at = block.rfind(_DOCKER_TIME, 0, end)
        return None if at < 0 else parse_rfc3339(bytes(block[at + len(_DOCKER_TIME) : end - 2]))
    for begin in (0, end + 1):
        time_ns = parse_rfc3339(bytes(block[begin : begin + _STAMP]).partition(b" ")[0])
        if time_ns is not None:
            return time_ns
    return None
