"""A BPF ring buffer, read without copying it through the kernel: the reading side.

    page 0    how far we have read, ours to write
    page 1    how far the kernel has written
    then      the data, mapped twice in a row, so that no record is cut at its end

A record is a head of 8 bytes (length; the two highest bits: still being written, thrown away), the
bytes, and up to 7 to fill.

Docs    https://docs.kernel.org/bpf/ringbuf.html
"""

from __future__ import annotations

import mmap
import struct
import threading
from collections.abc import Iterator
from typing import Final

from agent.bpf import syscall

_POSITION: Final = struct.Struct("=Q")
_HEAD: Final = struct.Struct("=I")
_HEAD_BYTES: Final = 8
_BUSY: Final = 1 << 31
_DISCARDED: Final = 1 << 30


class Ring:
    """One ring, one reader. `fd` is the map's, which is not owned: it may be polled for records."""

    def __init__(self, fd: int) -> None:
        """Raises OSError where it cannot be mapped."""
        self.fd = fd
        size = syscall.map_info(fd).max_entries
        self._mask = size - 1
        self._ours = mmap.mmap(fd, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE)
        try:
            self._theirs = mmap.mmap(
                fd, mmap.PAGESIZE + 2 * size, prot=mmap.PROT_READ, offset=mmap.PAGESIZE
            )
        except BaseException:  # whatever ends it: nothing stays mapped, and it is raised on
            self._ours.close()
            raise
        self._lock = threading.Lock()

    def read(self) -> Iterator[bytes]:
        """What was written since, a record at a time, oldest first."""
        (at,) = _POSITION.unpack_from(self._ours)
        while at < _POSITION.unpack_from(self._theirs)[0]:
            start = mmap.PAGESIZE + (at & self._mask)
            (head,) = _HEAD.unpack_from(self._theirs, start)
            if head & _BUSY:
                return
            self._order()
            length = head & ~_DISCARDED
            start += _HEAD_BYTES
            record = self._theirs[start : start + length]
            at += _HEAD_BYTES + -(-length // 8) * 8
            _POSITION.pack_into(self._ours, 0, at)
            if not head & _DISCARDED:
                yield record

    def close(self) -> None:
        """Unmap. May be called again."""
        self._ours.close()
        self._theirs.close()

    def _order(self) -> None:
        # A head that says "written" is read before the bytes it is about, on every machine: what is
        # before a release stays before it, and what is after an acquire after that.
        for _ in range(2):
            with self._lock:
                pass
