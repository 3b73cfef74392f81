"""A reader of BoltDB files (containerd's meta.db, Podman 4's bolt_state.db) that takes no lock.

Format  https://github.com/etcd-io/bbolt: meta.go, page.go, bucket.go. Little-endian.

    page    id u64, flags u16 (1 branch, 2 leaf, 4 meta), count u16, overflow pages u32, elements
    branch  pos u32, key size u32, page id u64             pos counts from the element itself
    leaf    flags u32 (1: a bucket), pos u32, key size u32, value size u32
    bucket  root page id u64 (0: the page follows right here), sequence u64
    meta    magic, version, page size, flags (u32 each), root bucket, freelist u64, high u64,
            transaction u64, FNV-1a checksum u64; pages 0 and 1 hold one each, the newer one counts

Promise: one consistent state. A transaction writes only pages that the last two states do not use,
so what was read is whole if no transaction was committed meanwhile; otherwise it is read again.
"""

from __future__ import annotations

import os
import struct
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from typing import Final, TypeVar

from agent.container.statefile import UnreadableState, open_regular
from agent.records import NamedTuple

T = TypeVar("T")

_MAGIC: Final = 0xED0CDAED
_PAGE_SIZES: Final = (4096, 16384, 65536, 8192, 32768, 2048, 1024, 512)
"""Bolt's page is the operating system's page of the machine that made the file."""
_TRIES: Final = 5
_MAX_DEPTH: Final = 24
"""A tree of 2^64 keys is less deep; more is a circle of damaged page numbers."""
_MAX_PAGE: Final = 64 * 1024 * 1024
"""Bytes of one page with its overflow pages."""

_HEADER = struct.Struct("<QHHI")
_META = struct.Struct("<IIIIQQQQQ")
_META_SUM = struct.Struct("<Q")
_BRANCH = struct.Struct("<IIQ")
_LEAF = struct.Struct("<IIII")
_BUCKET = struct.Struct("<QQ")


class _Damaged(Exception):
    """Bytes that are not BoltDB's. Becomes UnreadableState once it is known to be no race."""


class _Meta(NamedTuple):
    transaction: int
    page_size: int
    root: int


def look(path: str, visit: Callable[[Bucket], T]) -> T | None:
    """
    Call `visit` with the root bucket of the file and return its answer.

    `visit` may be called again, if the file was written meanwhile, and must keep no Bucket. None
    where the file is absent. Raises `Denied`, and `UnreadableState` for a file that is damaged or
    written without pause.
    """
    fd = open_regular(path)
    if fd is None:
        return None
    try:
        for _ in range(_TRIES):
            meta = _meta(fd, path)
            try:
                answer = visit(Bucket(_File(fd, meta.page_size), meta.root))
            except (_Damaged, UnreadableState) as error:
                if _meta(fd, path).transaction != meta.transaction:
                    continue
                if isinstance(error, UnreadableState):
                    raise
                raise UnreadableState(path, f"damaged: {error}") from None
            if _meta(fd, path).transaction == meta.transaction:
                return answer
        raise UnreadableState(path, f"written {_TRIES} times while it was read")
    finally:
        os.close(fd)


class Bucket:
    """One bucket: a sorted map of keys to values or to further buckets. Valid during `look`."""

    def __init__(self, file: _File, root: int, inline: bytes = b"") -> None:
        self._file = file
        self._inline = inline
        self._root = root

    def get(self, key: bytes) -> bytes | None:
        """The value at `key`; None where there is none, or a bucket."""
        found = self._find(key)
        return None if found is None or found[0] & 1 else found[1]

    def bucket(self, *keys: bytes) -> Bucket | None:
        """The bucket at `keys`, one level after the other; None where there is none."""
        found: Bucket | None = self
        for key in keys:
            entry = found._find(key) if found is not None else None
            found = self._nested(entry[1]) if entry is not None and entry[0] & 1 else None
        return found

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """Keys and values, without the buckets."""
        for flags, key, value in self._walk(self._page(), 0):
            if not flags & 1:
                yield key, value

    def buckets(self) -> Iterator[tuple[bytes, Bucket]]:
        """Keys and the buckets there, without the values."""
        for flags, key, value in self._walk(self._page(), 0):
            if flags & 1:
                yield key, self._nested(value)

    def _page(self) -> _Page:
        return _Page(self._inline) if self._root == 0 else self._file.page(self._root)

    def _nested(self, value: bytes) -> Bucket:
        if len(value) < _BUCKET.size:
            raise _Damaged("a bucket without a header")
        return Bucket(self._file, _BUCKET.unpack_from(value)[0], value[_BUCKET.size :])

    def _find(self, key: bytes) -> tuple[int, bytes] | None:
        page = self._page()
        for _ in range(_MAX_DEPTH):
            places = range(page.count)
            if page.is_leaf:
                index = bisect_left(places, key, key=page.key)
                if index < page.count and page.key(index) == key:
                    return page.leaf(index)
                return None
            if not page.count:
                raise _Damaged("an empty branch page")
            page = self._file.page(page.child(max(0, bisect_right(places, key, key=page.key) - 1)))
        raise _Damaged("pages in a circle")

    def _walk(self, page: _Page, depth: int) -> Iterator[tuple[int, bytes, bytes]]:
        if depth > _MAX_DEPTH:
            raise _Damaged("pages in a circle")
        for index in range(page.count):
            if page.is_leaf:
                flags, value = page.leaf(index)
                yield flags, page.key(index), value
            else:
                yield from self._walk(self._file.page(page.child(index)), depth + 1)


class _File:
    def __init__(self, fd: int, page_size: int) -> None:
        self._fd = fd
        self._page_size = page_size
        size = os.fstat(fd).st_size
        # Each page belongs to one place of the tree: more reads than pages is a circle.
        self._left = 16 * (size // page_size + 1)

    def page(self, number: int) -> _Page:
        self._left -= 1
        if self._left < 0:
            raise _Damaged("pages in a circle")
        size = self._page_size
        if number < 2 or number >= 2**63 // size:
            raise _Damaged(f"page {number} is none")
        data = os.pread(self._fd, size, number * size)
        page = _Page(data)
        if page.overflow:
            length = (page.overflow + 1) * size
            if length > _MAX_PAGE:
                raise _Damaged(f"page {number} has {page.overflow} overflow pages")
            page = _Page(data + os.pread(self._fd, length - size, (number + 1) * size))
        return page


class _Page:
    __slots__ = ("_data", "count", "is_leaf", "overflow")

    def __init__(self, data: bytes) -> None:
        if len(data) < _HEADER.size:
            raise _Damaged("a page past the end of the file")
        _, flags, self.count, self.overflow = _HEADER.unpack_from(data)
        if flags not in (1, 2):
            raise _Damaged(f"a page with the flags {flags:#x}")
        self.is_leaf = flags == 2
        if len(data) < _HEADER.size + self.count * _LEAF.size:
            raise _Damaged("a page with more elements than it has room for")
        self._data = data

    def key(self, index: int) -> bytes:
        at = _HEADER.size + index * _LEAF.size
        if self.is_leaf:
            _, pos, size, _ = _LEAF.unpack_from(self._data, at)
        else:
            pos, size, _ = _BRANCH.unpack_from(self._data, at)
        return self._slice(at + pos, size)

    def leaf(self, index: int) -> tuple[int, bytes]:
        """(flags, value) of a leaf element."""
        at = _HEADER.size + index * _LEAF.size
        flags, pos, key_size, value_size = _LEAF.unpack_from(self._data, at)
        return flags, self._slice(at + pos + key_size, value_size)

    def child(self, index: int) -> int:
        """Page id of a branch element."""
        page: int = _BRANCH.unpack_from(self._data, _HEADER.size + index * _BRANCH.size)[2]
        return page

    def _slice(self, start: int, size: int) -> bytes:
        if start + size > len(self._data):
            raise _Damaged("an element that ends past its page")
        return self._data[start : start + size]


def _meta(fd: int, path: str) -> _Meta:
    """The newer of the two meta pages that are whole."""
    metas = []
    for size in _PAGE_SIZES:
        for number in (0, 1):
            meta = _parse_meta(os.pread(fd, _HEADER.size + _META.size + 8, number * size))
            if meta is not None and meta.page_size == size:
                metas.append(meta)
        if metas:
            return max(metas)
    raise UnreadableState(path, "not a BoltDB file")


def _parse_meta(data: bytes) -> _Meta | None:
    body = data[_HEADER.size :]
    if len(body) < _META.size + _META_SUM.size:
        return None
    magic, version, page_size, _, root, _, _, _, transaction = _META.unpack_from(body)
    if magic != _MAGIC or version != 2:
        return None
    if _fnv1a(body[: _META.size]) != _META_SUM.unpack_from(body, _META.size)[0]:
        return None  # half written
    return _Meta(transaction, page_size, root)


def _fnv1a(data: bytes) -> int:
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value
