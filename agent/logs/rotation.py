"""Which files hold one container's output: the one its path names, and those rotated away.

They are kept open and in the order of writing. A file that was renamed or deleted stays open until
its reader closes it. Files that appeared between two looks (rotated twice, or while nobody was
running) take their place before the current one.

A rotation during a look must not make a file slip through: the directory is listed twice, and each
file's inode after opening is compared with the listed one; where anything differs nothing is
adopted, and the look starts again.

Copies: what is compressed, or truncated after copying, goes on in the copy. A copy of a file whose
mark is known is not read beside it (copies.py); when the file itself is truncated, is gone, or is
given up, the mark moves to the copy and reading goes on there, at the same offset.

A file nobody knows is read from its start; with `at_end` those that are there at the first look are
not, and are remembered as read.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from agent.logs.checkpoint import FileRecord
from agent.logs.copies import Copies
from agent.logs.fingerprint import head_of, still_has
from agent.logs.framing import Framer
from agent.logs.identity import Copy, Listed, Opened
from agent.logs.inflate import Inflated
from agent.logs.ledger import Ledger
from agent.logs.listing import list_files
from agent.logs.remembered import Remembered
from agent.logs.spool import Spooled
from agent.logs.tail import AnyFramer, FileMark, TailedFile, open_log

_LOOKS: Final = 5
"""Tries to see a directory that does not change meanwhile."""
_FULL_LOOK: Final = 60.0
"""Seconds between looks at the files themselves, though the directory did not change: a writer may
still hold a file that was closed here."""
_SERIAL_STEP: Final = 1 << 40
"""Room between two files' serials: for what comes after a truncation, before the next file. Halved
by each that comes between the same two."""
_FRESH_NS: Final = 100_000_000
"""A directory that changed within the last 100 ms may change again without a new mtime."""


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
        stamped: bool = True,
        make_framer: Callable[[int], AnyFramer] = Framer,
    ) -> None:
        """`owner` is the uid every file must belong to; None takes any. `stamped`: its lines hold
        their times."""
        self._make_framer = make_framer
        self.path = path
        self._owner = owner
        self.directory, self.base = os.path.split(os.path.realpath(path))
        self.files: list[TailedFile] = []
        """Open, oldest first."""
        self.marks: list[FileMark] = []
        """Of every file that is open, or closed and still on disk; oldest first."""
        self.dying: list[FileMark] = []
        """Of files that were truncated, while not all that was read of them is acknowledged: should
        this process end before, the next one knows by the checkpoint that they are missing."""
        self.source_gone = False
        """Its container is no longer there: nothing more is expected in its files."""
        self.looked = False
        """Whether it was ever seen what there is."""
        self._ledger = ledger
        self._stamped = stamped
        self._remembered = Remembered(remembered, stamped=stamped)
        self._at_end = at_end and not remembered
        self._serial = 0
        self._copies = Copies(self.base, stamped=stamped)
        self._unchanged = -1
        self._unfinished = False
        """A file was left for the next look."""
        self._beginning: list[TailedFile] = []
        """Files that are just being begun anew."""
        self._full_look_at = 0.0

    def look(self, now: float, *, force: bool = False) -> None:
        """Open the files that are new. Cheap where nothing changed; never raises OSError."""
        key = f"look {self.path}"
        try:
            changed = os.stat(self.directory).st_mtime_ns
            if not force and changed == self._unchanged and now < self._full_look_at:
                return
            settled = time.time_ns() - changed > _FRESH_NS
            self._unfinished = False
            for _attempt in range(_LOOKS):
                if self._look_once(now):
                    self._unchanged = changed if settled and not self._unfinished else -1
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
        self.dying = [mark for mark in self.dying if mark.acknowledged < mark.processed]
        left = self._left()
        records = [
            FileRecord(
                mark.spooled or self.path,
                abs(mark.inode),
                mark.head,
                mark.acknowledged,
                (mark.done and mark.acknowledged >= mark.processed) or mark.serial in left,
            )
            for mark in (*self.dying, *self.marks)
        ]
        return [*records, *self._remembered]

    def adopt_spooled(self, spooled: Spooled, record: FileRecord | None, now: float) -> None:
        """Read a file of the spool before all that is looked for later. Raises OSError."""
        fd, status, head, _inflated = open_log(spooled.file)
        offset = spooled.start
        if record is not None and still_has(record.head, head):
            offset = max(record.offset, offset)
        # Below 0: it may be on another filesystem than the logs, and have an inode of theirs.
        mark = self._new_mark(-status.st_ino, head, offset)
        mark.spooled = spooled.file
        self.files.append(self._tail(fd, mark, head, now))
        # Its origin, or a compressed copy of that, may still be found: it is read up to here.
        origin = spooled.origin
        end = origin.offset + status.st_size - spooled.start
        self._remembered.replace(FileRecord(self.path, origin.inode, origin.head, end, done=True))

    def remove_spooled(self) -> None:
        """Delete files of the spool that are delivered. Raises OSError."""
        for mark in [mark for mark in self.marks if mark.spooled]:
            if mark.done and mark.acknowledged >= mark.processed:
                Path(mark.spooled).unlink(missing_ok=True)
                self._drop(mark)

    def begin_anew(self, file: TailedFile, now: float) -> bool:
        """
        Go on after `file` was truncated: a new one with the same descriptor is read from its start.

        Return whether a copy was made before (`copytruncate`): the old file then goes on in that.
        """
        old, size = file.mark, file.size
        anew = FileMark(old.inode, head_of(b""), old.serial + 1, 0, 0, 0)
        self.marks.append(anew)
        self.files.append(self._tail(os.dup(file.fd), anew, b"", now))
        self._beginning.append(file)
        self.look(now, force=True)
        self._beginning.remove(file)
        anew.serial = self._serial_after_truncation(old, anew)
        self.marks.sort(key=lambda mark: mark.serial)
        self.files.sort(key=lambda file: file.mark.serial)
        if self.switch(file):
            copied = file.offset + file.unread()
            if copied < size:
                self._lose_truncated(size - copied)
            return True
        self._drop(old)
        self.dying.append(old)
        self.files.remove(file)
        file.close()
        return False

    def retire(self, file: TailedFile) -> None:
        """Close a file that was read to its end and that nobody writes to any more."""
        status = os.fstat(file.fd)
        file.mark.seen = (status.st_size, status.st_mtime_ns)
        file.mark.done = True
        self.files.remove(file)
        if status.st_nlink == 0:
            self._unchanged = -1  # a copy takes its place
        file.close()

    def abandon(self, file: TailedFile) -> int:
        """Close a file and forget it; return how many bytes of it are not acknowledged."""
        lost = max(0, file.offset + file.unread() - file.mark.acknowledged)
        self._drop(file.mark)
        self.files.remove(file)
        file.close()
        return lost

    def hand_over(self, file: TailedFile, end: int) -> None:
        """Close a file whose bytes up to `end` are the spool's now."""
        if file.unlinked():
            self._drop(file.mark)
        else:
            file.mark.processed = file.mark.acknowledged = end
            file.mark.done = True
        self.files.remove(file)
        file.close()

    def _left(self) -> set[int]:
        """Serials of files that are delivered and that their runtime has left: it writes to a newer
        one. They stay open a little; should they be gone after a kill, nothing is missing."""
        if not self._stamped or len(self.files) < 2 or not self.files[-1].head:
            return set()
        return {file.mark.serial for file in self.files[:-1] if file.acknowledged()}

    def _look_once(self, now: float) -> bool:
        """Return False where the directory changed under the look: nothing was adopted then."""
        listing = self._list()
        if [item[:2] for item in listing] != [item[:2] for item in self._list()]:
            return False
        if not listing:
            self._nothing_there()
            return True
        fresh: list[Opened] = []
        adopted = False
        try:
            for item in listing:
                if self._is_settled(item):
                    continue
                fd, status, head, inflated = open_log(
                    os.path.join(self.directory, item.name), self._owner
                )
                size = status.st_size if inflated is None else inflated.size(0)
                fresh.append(Opened(item, fd, size, head, inflated))
                if status.st_ino != item.inode:
                    return False
            adopted = True
        except FileNotFoundError:
            return False
        finally:
            if not adopted:
                for opened in fresh:
                    os.close(opened.fd)
        self._adopt_all(fresh, listing, now)
        self._forget({item.inode: item for item in listing})
        self._split_copied(now)
        return True

    def _list(self) -> list[Listed]:
        return list_files(self.directory, self.base)

    def _nothing_there(self) -> None:
        # What comes into being from now on is new, also where only new lines are wanted.
        self._at_end = False
        self._forget({})

    def _is_settled(self, item: Listed) -> bool:
        """Whether the file is open, or was read to its end and has not changed since."""
        if any(file.mark.inode == item.inode for file in self.files):
            return True
        if item.name == self.base and not self.source_gone:
            return False
        if self._copies.unchanged(item):
            return True
        seen = (item.size, item.mtime_ns)
        return any(mark.inode == item.inode and mark.seen == seen for mark in self.marks)

    def _adopt_all(self, fresh: list[Opened], listing: list[Listed], now: float) -> None:
        here = {opened.listed.inode: opened.head for opened in fresh}
        known = [(opened, self._recognise(opened, here)) for opened in fresh]
        base = fresh[-1] if fresh and fresh[-1].listed.name == self.base else None
        copies: list[Opened] = []
        for opened, mark in known:
            if mark is None and base is not None and self._copies.is_of_new(opened, base):
                copies.append(opened)
                continue
            if isinstance(mark, Copy):
                self._copies.add(mark)
                os.close(opened.fd)
                continue
            rotated = opened.listed.name != self.base
            if mark is None and rotated and self._copies.is_early(opened, self.files):
                self._unfinished = True
                os.close(opened.fd)
                continue
            if mark is None:
                start = opened.size if self._at_end and not self.looked else 0
                mark = self._new_mark(opened.listed.inode, opened.head, start)
            else:
                # In the order of the files, also where the checkpoint named them in another.
                self._serial += _SERIAL_STEP
                mark.serial = mark.serial if self.looked else self._serial
            self._adopt(opened, mark, now)
            if opened is base:
                for copy in copies:
                    self._copies.add(Copy(mark, copy.listed))
                    os.close(copy.fd)
        self._move_unread(listing, {opened.listed.inode for opened in fresh})
        self.marks.sort(key=lambda mark: mark.serial)
        self.files.sort(key=lambda file: file.mark.serial)
        if not self.looked:
            self.looked = True
            strangers = [opened for opened, mark in known if mark is None]
            inodes = {opened.listed.inode for opened in fresh}
            self._remembered.count_missing(inodes, strangers, self._ledger)

    def _move_unread(self, listing: list[Listed], fresh: set[int]) -> None:
        """Files of which nothing was read come in the order of their names with those found now:
        they may have been copied and truncated before anybody looked."""
        unread = {file.mark.inode: file for file in self.files if not file.offset}
        copied = {id(copy.mark) for copy in self._copies}
        gaps: list[int] = []
        moving = False
        for item in listing:
            file = unread.get(item.inode)
            if file is None:
                continue
            if item.inode in fresh:
                moving = True
            elif not moving or (id(file.mark) in copied and not file.same()):
                continue  # what was copied and then cut goes on in the copy, as old as it is
            elif not file.busy and not file.same():
                # It was cut, and then copied and cut again: what it held first is lost, in its old
                # place, and what it holds now is newer than the copy.
                self._lose_truncated(file.size)
                file.forget_head()
                gaps.append(file.mark.serial)
            self._serial += _SERIAL_STEP
            file.mark.serial = self._serial
        for gap in gaps:
            later = [file for file in self.files if file.mark.serial > gap]
            min(later, key=lambda file: file.mark.serial).after_gap = True

    def _split_copied(self, now: float) -> None:
        """What was copied and then cut goes on in the copy; what its file holds now gets its place
        while the names still tell the order."""
        for copy in self._copies:
            for file in self.files:
                if file.mark is copy.mark and file not in self._beginning and not file.busy:
                    size = file.size
                    if not file.same() and not self.begin_anew(file, now):
                        # The copy went just now, and an unfinished line with it.
                        self._lose_truncated(max(0, size - file.framer.start))
                    break

    def _lose_truncated(self, lost: int) -> None:
        self._ledger.lose("truncated", "A log file was truncated.", lost_bytes=lost)

    def _adopt(self, opened: Opened, mark: FileMark, now: float) -> None:
        item = opened.listed
        size = opened.size_after(mark.processed)
        if size == mark.processed and (item.name != self.base or self.source_gone):
            mark.seen = (item.size, item.mtime_ns)
            mark.done = True
            os.close(opened.fd)
            return
        if self.files:
            # It is being rotated away: give its writer time. Those before it have had theirs, and
            # would never be closed where a container is rotated all the time.
            self.files[-1].grown_at = now
        mark.done = False
        head = opened.head[: mark.head.length]
        self.files.append(self._tail(opened.fd, mark, head, now, opened.inflated))

    def _recognise(self, opened: Opened, here: dict[int, bytes]) -> FileMark | Copy | None:
        """Find or make the mark of a file that was read before, here or in an earlier process.

        here: inode → head of all the files that are looked at."""
        inode, head = opened.listed.inode, opened.head
        self._copies.remove(inode)
        mark = next((mark for mark in self.marks if mark.inode == inode), None)
        if mark is not None:
            size = opened.size_after(mark.processed)
            if mark.head.length and still_has(mark.head, head) and size >= mark.processed:
                return mark
            self._drop(mark)  # closed, read to its end, deleted; its inode is used again
        record = self._remembered.recall(opened, here)
        if record is None:
            return self._copies.find(opened, self.marks, self.files)
        offset = record.offset
        if opened.size_after(offset) < offset:
            self._ledger.lose("truncated", "A log file was truncated while nobody read it.")
            offset = 0
        return self._new_mark(inode, head, offset)

    def _serial_after_truncation(self, old: FileMark, anew: FileMark) -> int:
        """Before the files that are newer on disk; after all others, such as copies of what it held
        between `old` and now."""
        inodes = [item.inode for item in self._list()]
        # One that is not there was deleted: as the oldest, unless by hand.
        newer = inodes[inodes.index(old.inode) + 1 :] if old.inode in inodes else inodes
        marks = [mark for mark in self.marks if mark.inode in newer]
        marks += [copy.mark for copy in self._copies if copy.listed.inode in newer]
        later = [mark.serial for mark in marks if mark.serial > old.serial and mark is not anew]
        if not later:
            self._serial += _SERIAL_STEP
            return self._serial
        before = max(m.serial for m in self.marks if m is not anew and m.serial < min(later))
        return (before + min(later)) // 2

    def switch(self, file: TailedFile) -> bool:
        """Go on in a copy of `file`, where there is one, and give up its own bytes."""
        for copy in self._copies:
            if copy.mark is not file.mark:
                continue
            try:
                opened = open_log(os.path.join(self.directory, copy.listed.name), self._owner)
            except OSError:  # it is gone again, or was renamed: then it is found by its own name
                continue
            size = opened.status.st_size
            if opened.inflated is not None:
                size = opened.inflated.size(file.offset)
            if (
                opened.status.st_ino == copy.listed.inode
                and still_has(file.mark.head, opened.head)
                and size >= file.offset
            ):
                self._copies.remove(copy.listed.inode)
                file.move_to(opened.fd, opened.status.st_ino, opened.inflated)
                return True
            os.close(opened.fd)
        return False

    def _tail(
        self, fd: int, mark: FileMark, head: bytes, now: float, inflated: Inflated | None = None
    ) -> TailedFile:
        return TailedFile(fd, mark, head, now, inflated=inflated, make_framer=self._make_framer)

    def _new_mark(self, inode: int, head: bytes, offset: int) -> FileMark:
        self._serial += _SERIAL_STEP
        mark = FileMark(inode, head_of(head), self._serial, offset, offset, offset)
        self.marks.append(mark)
        return mark

    def _drop(self, mark: FileMark) -> None:
        mark.dead = True
        self.marks.remove(mark)

    def _forget(self, on_disk: dict[int, Listed]) -> None:
        """Drop the marks of closed files that were deleted, and those of which there is a copy
        go on as the copy's."""
        held = {file.mark.inode for file in self.files}
        self._copies.take_over(on_disk, held, self.marks)
        self.marks = [
            mark
            for mark in self.marks
            if mark.inode in held or mark.inode in on_disk or mark.spooled
        ]
