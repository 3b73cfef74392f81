"""What the checkpoint says of one container's files, until they are found: which file is which, and
which are missing."""

from __future__ import annotations

from collections.abc import Iterator

from agent.logs.checkpoint import FileRecord
from agent.logs.fingerprint import still_has
from agent.logs.identity import Opened, names
from agent.logs.ledger import Ledger


class Remembered:
    """The records that no file was found for yet."""

    def __init__(self, records: list[FileRecord], *, stamped: bool) -> None:
        """`stamped`: its lines hold their times."""
        self._records = records
        self._stamped = stamped

    def __iter__(self) -> Iterator[FileRecord]:
        return iter(self._records)

    def replace(self, record: FileRecord) -> None:
        """Take `record` in place of those of the same file."""
        self._records = [known for known in self._records if known.head != record.head]
        self._records.append(record)

    def recall(self, opened: Opened, here: dict[int, bytes]) -> FileRecord | None:
        """Take out the record of a file: by inode and head; in a copy, and after a restore or a
        move to another disk, by a head that is a name alone, if the file that has both is not
        there.

        here: inode → head of all the files that are looked at. A file that was empty has no head:
        any later one may have got its inode.
        """
        found = [
            record
            for record in self._records
            if record.head.length and still_has(record.head, opened.head)
        ]
        same = [record for record in found if record.inode == opened.listed.inode]
        moved = [
            record
            for record in found
            if names(record.head, stamped=self._stamped)
            and not still_has(record.head, here.get(record.inode, b""))
        ]
        record = next(iter(same + moved), None)
        if record is not None:
            self._records.remove(record)
        return record

    def count_missing(self, inodes: set[int], strangers: list[Opened], ledger: Ledger) -> None:
        """Count the files that are not there any more, and forget them all.

        inodes: of the files that are there. strangers: those that are in no checkpoint. They may be
        what became of one whose head is no name."""
        for record in self._records:
            if record.done:
                continue
            if not names(record.head, stamped=self._stamped):
                # Without any head it is the one with its inode, or was compressed.
                if not record.head.length and record.inode in inodes:
                    continue
                found = [item for item in strangers if _may_be(record, item)]
                if found:
                    strangers.remove(found[0])
                    continue
            ledger.lose(
                "missing", "A log file went before it was read to its end; nobody read then."
            )
        self._records = []


def _may_be(record: FileRecord, stranger: Opened) -> bool:
    if record.head.length:
        return still_has(record.head, stranger.head)
    return stranger.inflated is not None
