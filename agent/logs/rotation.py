"""Which files hold one container's output: the one its path names, and those rotated away.

They are kept open and in the order of writing. A file that was renamed or deleted stays open until
its reader closes it. Files that appeared between two looks (rotated twice, or while nobody was
running) take their place before the current one.

A rotation during a look must not make a file slip through: the directory is listed twice, and each
file's inode after opening is compared with the listed one; where anything differs nothing is
adopted, and the look starts again.

A file nobody knows is read from its start; with `at_end` those that are there at the first look are
not, and are remembered as read.
"""

from __future__ import annotations

import os
import time
from typing import Final, NamedTuple

from agent.logs.checkpoint import FileRecord
from agent.logs.fingerprint import Head, head_of, still_has
from agent.logs.ledger import Ledger
from agent.logs.siblings import chain_order
from agent.logs.tail import FileMark, TailedFile, open_log

_LOOKS: Final = 5
"""Tries to see a directory that does not change meanwhile."""
_FULL_LOOK: Final = 30.0
"""Seconds between looks at the files themselves, though the directory did not change: a writer may
still hold a file that was closed here."""
_FRESH_NS: Final = 100_000_000
"""A directory that changed within the last 100 ms may change again without a new mtime."""


class _Listed(NamedTuple):
    name: str
    inode: int
    size: int
    mtime_ns: int


class _Opened(NamedTuple):
    listed: _Listed
    fd: int
    size: int
    head: bytes


class Rotation:
    """The files of one container."""

    def __init__(
        self,
        path: str,
        ledger: Ledger,
        remembered: list[FileRecord],
        *,
        at_end: bool = False,
        owner: int | None = None,
    ) -> None:
        """`owner` is the uid every file must belong to; None takes any."""
        self.path = path
        self._owner = owner
        self.directory, self.base = os.path.split(os.path.realpath(path))
        self.files: list[TailedFile] = []
        """Open, oldest first."""
        self.marks: list[FileMark] = []
        """Of every file that is open, or closed and still on disk; oldest first."""
        self.source_gone = False
        """Its container is no longer there: nothing more is expected in its files."""
        self.looked = False
        """Whether it was ever seen what there is."""
        self._ledger = ledger
        self._remembered = remembered
        self._at_end = at_end and not remembered
        self._serial = 0
        self._truncated: dict[Head, int] = {}
        self._unchanged = -1
        self._full_look_at = 0.0

    def look(self, now: float, *, force: bool = False) -> None:
        """Open the files that are new. Cheap where nothing changed; never raises OSError."""
        key = f"look {self.path}"
        try:
            changed = os.stat(self.directory).st_mtime_ns
            if not force and changed == self._unchanged and now < self._full_look_at:
                return
            settled = time.time_ns() - changed > _FRESH_NS
            for _attempt in range(_LOOKS):
                if self._look_once(now):
                    self._unchanged = changed if settled else -1
                    self._full_look_at = now + _FULL_LOOK
                    break
        except FileNotFoundError:
            self._nothing_there()
        except OSError as error:
            self._ledger.counters.lag_bytes = None
            self._ledger.faults.report(
                "error", key, "A log file cannot be opened.", path=self.path, error=error
            )
            return
        self._ledger.faults.over(key, "The log file can be opened again.", path=self.path)

    @property
    def gone(self) -> bool:
        """Its container and all its files are gone."""
        return self.source_gone and not self.files and not self._list()

    def records(self) -> list[FileRecord]:
        """What the checkpoint must hold of this container."""
        records = [
            FileRecord(
                self.path,
                mark.inode,
                mark.head,
                mark.acknowledged,
                mark.done and mark.acknowledged >= mark.processed,
            )
            for mark in self.marks
        ]
        return records + self._remembered

    def begin_anew(self, file: TailedFile, now: float) -> None:
        """Replace a truncated file by a new one with the same descriptor, read from its start."""
        old = file.mark
        self._truncated = {old.head: old.processed}
        # In the old one's place: newer files may be there already.
        mark = FileMark(old.inode, head_of(b""), old.serial, 0, 0, 0)
        old.dead = True
        self.marks[self.marks.index(old)] = mark
        self.files[self.files.index(file)] = TailedFile(file.fd, mark, b"", now)

    def retire(self, file: TailedFile) -> None:
        """Close a file that was read to its end and that nobody writes to any more."""
        status = os.fstat(file.fd)
        file.mark.seen = (status.st_size, status.st_mtime_ns)
        file.mark.done = True
        self.files.remove(file)
        file.close()

    def abandon(self, file: TailedFile) -> int:
        """Close a file and forget it; return how many bytes of it are not acknowledged."""
        lost = max(0, file.offset + file.unread() - file.mark.acknowledged)
        self._drop(file.mark)
        self.files.remove(file)
        file.close()
        return lost

    def _look_once(self, now: float) -> bool:
        """Return False where the directory changed under the look: nothing was adopted then."""
        listing = self._list()
        if [item[:2] for item in listing] != [item[:2] for item in self._list()]:
            return False
        if not listing:
            self._nothing_there()
            return True
        fresh: list[_Opened] = []
        adopted = False
        try:
            for item in listing:
                if self._is_settled(item):
                    continue
                fd, status, head = open_log(os.path.join(self.directory, item.name), self._owner)
                fresh.append(_Opened(item, fd, status.st_size, head))
                if status.st_ino != item.inode:
                    return False
            adopted = True
        except FileNotFoundError:
            return False
        finally:
            if not adopted:
                for opened in fresh:
                    os.close(opened.fd)
        self._adopt_all(fresh, now)
        self._forget({item.inode for item in listing})
        return True

    def _list(self) -> list[_Listed]:
        out: list[_Listed] = []
        try:
            names = os.listdir(self.directory)
        except FileNotFoundError:
            return out
        for name in chain_order(self.base, names):
            try:
                status = os.stat(os.path.join(self.directory, name))
            except FileNotFoundError:
                continue
            out.append(_Listed(name, status.st_ino, status.st_size, status.st_mtime_ns))
        return out

    def _nothing_there(self) -> None:
        # What comes into being from now on is new, also where only new lines are wanted.
        self._at_end = False
        self._forget(set())

    def _is_settled(self, item: _Listed) -> bool:
        """Whether the file is open, or was read to its end and has not changed since."""
        if any(file.mark.inode == item.inode for file in self.files):
            return True
        if item.name == self.base and not self.source_gone:
            return False
        seen = (item.size, item.mtime_ns)
        return any(mark.inode == item.inode and mark.seen == seen for mark in self.marks)

    def _adopt_all(self, fresh: list[_Opened], now: float) -> None:
        known = [self._recognise(opened) for opened in fresh]
        for opened, mark in zip(fresh, known, strict=True):
            if mark is None:
                start = opened.size if self._at_end and not self.looked else 0
                mark = self._new_mark(opened.listed.inode, opened.head, start)
            else:
                # In the order of the files, also where the checkpoint named them in another.
                self._serial += 1
                mark.serial = mark.serial if self.looked else self._serial
            self._adopt(opened, mark, now)
        self.marks.sort(key=lambda mark: mark.serial)
        self.files.sort(key=lambda file: file.mark.serial)
        if not self.looked:
            self.looked = True
            for record in self._remembered:
                if not record.done and record.head.length:
                    self._ledger.lose(
                        "missing",
                        "A log file went before it was read to its end; nobody read then.",
                    )
            self._remembered = []

    def _adopt(self, opened: _Opened, mark: FileMark, now: float) -> None:
        item = opened.listed
        if opened.size == mark.processed and (item.name != self.base or self.source_gone):
            mark.seen = (opened.size, item.mtime_ns)
            mark.done = True
            os.close(opened.fd)
            return
        for file in self.files:
            file.grown_at = now  # older ones are being rotated away now: give their writers time
        mark.done = False
        self.files.append(TailedFile(opened.fd, mark, opened.head[: mark.head.length], now))

    def _recognise(self, opened: _Opened) -> FileMark | None:
        """Find or make the mark of a file that was read before, here or in an earlier process."""
        inode, head = opened.listed.inode, opened.head
        mark = next((mark for mark in self.marks if mark.inode == inode), None)
        if mark is not None:
            if mark.head.length and still_has(mark.head, head) and opened.size >= mark.processed:
                return mark
            self._drop(mark)  # closed, read to its end, deleted; its inode is used again
            return None
        record = self._recall(inode, head)
        if record is None:
            return self._recognise_copy(opened)
        self._remembered.remove(record)
        offset = record.offset
        if opened.size < offset:
            self._ledger.lose("truncated", "A log file was truncated while nobody read it.")
            offset = 0
        return self._new_mark(inode, head, offset)

    def _recall(self, inode: int, head: bytes) -> FileRecord | None:
        """Inode and head; after a restore or a move to another disk, a full head alone.

        A file that was empty has no head: any later one may have got its inode.
        """
        found = [
            record
            for record in self._remembered
            if record.head.length and still_has(record.head, head)
        ]
        same = [record for record in found if record.inode == inode]
        full = [record for record in found if record.head.full]
        return next(iter(same + full), None)

    def _recognise_copy(self, opened: _Opened) -> FileMark | None:
        """`copytruncate` leaves a copy of what was read; what was not read goes on from there."""
        head = head_of(opened.head)
        if not head.full:
            return None
        offset = self._truncated.get(head)
        if offset is None and any(mark.head == head for mark in self.marks):
            offset = opened.size
        if offset is None:
            return None
        return self._new_mark(opened.listed.inode, opened.head, min(offset, opened.size))

    def _new_mark(self, inode: int, head: bytes, offset: int) -> FileMark:
        self._serial += 1
        mark = FileMark(inode, head_of(head), self._serial, offset, offset, offset)
        self.marks.append(mark)
        return mark

    def _drop(self, mark: FileMark) -> None:
        mark.dead = True
        self.marks.remove(mark)

    def _forget(self, on_disk: set[int]) -> None:
        """Drop the marks of closed files that were deleted."""
        held = {file.mark.inode for file in self.files}
        self.marks = [mark for mark in self.marks if mark.inode in held or mark.inode in on_disk]
