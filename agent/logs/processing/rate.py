"""How many lines a container may have a second, and which of them are sampled. Pure.

Time is that of the lines, as the runtime wrote it, not that of reading: a backlog read after a
downtime is judged as it was written, and a line read again after a restart is judged alike, but for
the first seconds, because what was in the bucket is not remembered. Only `block` is about the time
of reading: it protects who receives.
"""

from __future__ import annotations

from typing import Final
from zlib import crc32

from agent.logs.entry import Entry
from agent.logs.timestamps import NANOSECONDS

BURST: Final = 10.0
"""Seconds of the rate that may come at once: a start, a stack trace."""
_SPAN: Final = 1 << 32


class Bucket:
    """Tokens for one rate; `rate` a second come in, up to `BURST` seconds' worth."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._most = max(1.0, rate * BURST)
        self._tokens = self._most
        self._at_ns: int | None = None

    def fill(self, at_ns: int) -> None:
        """Let the time pass up to `at_ns`. A clock that went back gives nothing."""
        if self._at_ns is not None and at_ns > self._at_ns:
            gained = (at_ns - self._at_ns) * self._rate / NANOSECONDS
            self._tokens = min(self._most, self._tokens + gained)
        self._at_ns = at_ns

    def has(self, tokens: float) -> bool:
        """Whether so much may be taken. What is more than a bucket holds needs a full one."""
        return self._tokens >= min(tokens, self._most)

    def take(self, tokens: float) -> None:
        """Take; may leave a debt."""
        self._tokens -= tokens

    @property
    def wait(self) -> float:
        """Seconds until the debt is paid."""
        return max(0.0, -self._tokens / self._rate)


class RateLimit:
    """One container's rates."""

    def __init__(self, lines: float, size: float) -> None:
        """lines, size (bytes): per second, 0 for no limit."""
        self._lines = Bucket(lines) if lines else None
        self._size = Bucket(size) if size else None
        self._buckets = [bucket for bucket in (self._lines, self._size) if bucket is not None]

    def admit(self, entry: Entry) -> bool:
        """Whether this line is within the rates, going by its own time."""
        size = len(entry[2])
        for bucket in self._buckets:
            bucket.fill(entry[0])
        if self._lines is not None and not self._lines.has(1):
            return False
        if self._size is not None and not self._size.has(size):
            return False
        if self._lines is not None:
            self._lines.take(1)
        if self._size is not None:
            self._size.take(size)
        return True

    def charge(self, entries: list[Entry], now_ns: int) -> float:
        """Count lines that were read anyway; return the seconds until more may be read."""
        for bucket in self._buckets:
            bucket.fill(now_ns)
        if self._lines is not None:
            self._lines.take(len(entries))
        if self._size is not None:
            self._size.take(sum(len(entry[2]) for entry in entries))
        return max(bucket.wait for bucket in self._buckets)


def sampled(entry: Entry, share: float) -> bool:
    """Whether a line is one of the `share` that is kept: the same answer for the same line."""
    seed = crc32(entry[0].to_bytes(8, "big"))
    return crc32(entry[2], seed) < share * _SPAN
