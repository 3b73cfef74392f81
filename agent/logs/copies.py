"""Files of a container that are copies of others: made by `copytruncate`, or by compressing.

A copy is not read beside what it is a copy of. Two files are copies if their heads are the same, so
that a file whose lines have no time is known by a full head only (`stamped`).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping

from agent.logs.fingerprint import HEAD_SIZE, head_of, still_has
from agent.logs.identity import Copy, Listed, Opened, named_alike, names
from agent.logs.tail import FileMark, TailedFile


class Copies:
    """The copies that are known, by their inodes."""

    def __init__(self, base: str, *, stamped: bool) -> None:
        """base: the name of the file that is written to, which is no copy. `stamped`: its lines
        hold their times."""
        self._base = base
        self._stamped = stamped
        self._known: dict[int, Copy] = {}

    def __iter__(self) -> Iterator[Copy]:
        return iter(list(self._known.values()))

    def add(self, copy: Copy) -> None:
        """Know a copy from now on."""
        self._known[copy.listed.inode] = copy

    def remove(self, inode: int) -> None:
        """Know nothing of a file any more."""
        self._known.pop(inode, None)

    def unchanged(self, item: Listed) -> bool:
        """Whether it is a copy that has not changed; it may have another name now."""
        copy = self._known.get(item.inode)
        if copy is None or copy.listed[1:] != item[1:] or copy.mark.dead:
            return False
        self._known[item.inode] = copy._replace(listed=item)
        return True

    def find(
        self, opened: Opened, marks: Iterable[FileMark], files: Iterable[TailedFile]
    ) -> Copy | None:
        """Tell what this file is a copy of, perhaps one in the making."""
        if opened.listed.name == self._base:
            return None
        for mark in marks:
            if names(mark.head, stamped=self._stamped) and still_has(mark.head, opened.head):
                return Copy(mark, opened.listed)
        for file in files:
            if file.inflated is None and self._same(opened.head, file):
                return Copy(file.mark, opened.listed)
        return None

    def is_of_new(self, opened: Opened, base: Opened) -> bool:
        """Whether a file nobody knew is a copy of the current one, which nobody knew either."""
        head = head_of(opened.head)
        return (
            opened is not base and names(head, stamped=self._stamped) and still_has(head, base.head)
        )

    def is_early(self, opened: Opened, files: Iterable[TailedFile]) -> bool:
        """Whether it is better understood at a later look: there is nothing to read in it, perhaps
        it is a copy in the making; or it is a copy of a file of which it is not noticed yet that
        it was truncated, and then written to again."""
        return not opened.size or any(
            file.inflated is None
            and named_alike(opened.head, os.pread(file.fd, HEAD_SIZE, 0), stamped=self._stamped)
            for file in files
        )

    def take_over(
        self, on_disk: Mapping[int, Listed], held: set[int], marks: Iterable[FileMark]
    ) -> None:
        """Forget copies that are gone; of `marks`, that of a closed file that was deleted goes on
        as its copy's. held: inodes of the files that are open."""
        current = set(map(id, marks))
        for inode, copy in list(self._known.items()):
            mark = copy.mark
            if inode not in on_disk or mark.dead:
                del self._known[inode]
            elif mark.inode not in held and mark.inode not in on_disk and id(mark) in current:
                mark.inode = inode
                mark.seen = (copy.listed.size, copy.listed.mtime_ns)
                del self._known[inode]

    def _same(self, head: bytes, file: TailedFile) -> bool:
        """Whether a file that begins with `head` is a copy of this one, or begins one."""
        own = os.pread(file.fd, HEAD_SIZE, 0)  # what is not read yet may be copied already
        if not head or not own.startswith(file.head):
            return False
        if not (file.head.startswith(head) or named_alike(head, own, stamped=self._stamped)):
            return False
        # From now on a truncation must be noticed, also of what was never read.
        file.head, file.mark.head = own, head_of(own)
        return True
