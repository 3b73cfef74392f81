"""One log file, open: how much is unread, its next bytes, and whether it is still the same file.

A file is named by inode and head (fingerprint.py). It stays open while it is read, so a rename or
an unlink takes nothing away. It was truncated if it is shorter than what was read of it, or begins
with other bytes; then nothing read from it at that moment may be used.

`FileMark` is what outlives the open file: how far it was parsed, handed out in chunks, and
acknowledged.
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import stat
from collections.abc import Callable, Iterator
from typing import Final, Protocol

from agent.logs.fingerprint import HEAD_SIZE, Head, head_of
from agent.logs.framing import Bytes, Framer, Lines, Text
from agent.logs.inflate import Inflated
from agent.logs.siblings import COMPRESSED
from agent.records import NamedTuple, dataclass, field

_COPY: Final = 1024 * 1024


@dataclass(slots=True, eq=False)
class FileMark:
    """How far one file is. Offsets in bytes; acknowledged <= marked <= processed."""

    inode: int
    head: Head
    serial: int
    """Its place in the container's output; later files have higher numbers."""
    processed: int
    """Everything before is parsed."""
    marked: int
    """Everything before is in a chunk."""
    acknowledged: int
    """Everything before has reached the destination."""
    done: bool = False
    """Read to the end, and nobody writes to it any more."""
    dead: bool = False
    """Its bytes are gone: truncated, or given up. No checkpoint needs it."""
    spooled: str = ""
    """The spool's file that it is (spool.py); "" for a log file."""
    seen: tuple[int, int] = field(default=(-1, -1))
    """Size and mtime when it was last closed or looked at closed: unchanged means nothing new."""


class AnyFramer(Protocol):
    """Bytes of one format's files to lines: framing.py, docker_local.py."""

    @property
    def max_line(self) -> int:
        """Bytes of a line that are kept."""
        ...

    @property
    def start(self) -> int:
        """Offset of the first byte that has not come out yet."""
        ...

    def take(self, block: Bytes) -> tuple[list[Lines], Text | None]:
        """Take the next bytes; return lines taken apart, and then those that are not."""
        ...

    def finish(self) -> Lines | None:
        """Return the unfinished line, for a file that will not grow any more."""
        ...


class Block(NamedTuple):
    """Bytes read from a file."""

    data: Bytes
    offset: int
    intact: bool
    """False: the file began anew since the last read; `data` is empty."""


class NotALogFile(OSError):
    """The path is a directory, a device or a pipe, or a file of another user."""


class TailedFile:
    """One open file. `read` may run in another thread; then nothing else touches the file."""

    def __init__(
        self,
        fd: int,
        mark: FileMark,
        head: bytes,
        now: float,
        *,
        inflated: Inflated | None = None,
        make_framer: Callable[[int], AnyFramer] = Framer,
    ) -> None:
        self.fd = fd
        self.inflated = inflated
        """The content of a compressed file: offsets and heads are of that, not of `fd`."""
        self.mark = mark
        self.head = head
        """Its first bytes, at most HEAD_SIZE, all that were ever seen."""
        self.offset = mark.processed
        """The next byte to read."""
        self.size = max(self.offset, len(head))
        """Bytes, when it was last the same file for sure."""
        self.framer = make_framer(self.offset)
        self.grown_at = now
        """Monotonic seconds when it was last seen to grow, or began to be rotated."""
        self.after_gap = False
        """Something before it was lost unread: a line that is open there has no end in this one."""
        self.busy = False
        """A read is under way: do not close."""
        self._tells_cached = hasattr(os, "RWF_NOWAIT")

    def unread(self) -> int:
        """Ask for the size; return bytes not read yet, negative where it was truncated."""
        if self.inflated is not None:
            if self.inflated.ended:
                return 0
            # Its end is known only by reading it: until then something is unread.
            return max(1, self.inflated.size(self.offset) - self.offset)
        size = os.lseek(self.fd, 0, os.SEEK_END)
        if size < len(self.head):
            return min(-1, size - self.offset)
        return size - self.offset

    def same(self) -> bool:
        """Whether it begins as it did: what was read of it is still there."""
        return self.inflated is not None or os.pread(self.fd, len(self.head), 0) == self.head

    def forget_head(self) -> None:
        """Nothing was read of it, and it holds something else than before."""
        self.head, self.size = b"", 0
        self.mark.head = head_of(b"")

    def see_head(self) -> None:
        """Know it by all it begins with now, read or not: a copy is told by that."""
        if self.inflated is None:
            head = os.pread(self.fd, HEAD_SIZE, 0)
            if len(head) > len(self.head) and head.startswith(self.head):
                self.head, self.mark.head = head, head_of(head)

    def acknowledged(self) -> bool:
        """Whether all its bytes are."""
        return self.offset + max(0, self.unread()) <= self.mark.acknowledged

    def unlinked(self) -> bool:
        """Whether no directory has it any more: closing it gives its bytes up."""
        return os.fstat(self.fd).st_nlink == 0

    def written(self) -> bool | None:
        """
        Whether any process has it open for writing; None where nobody can tell.

        fcntl(2): a read lease is refused while there is such a process. It is given back at once:
        who opens the file in between waits for some microseconds. Ask it seldom of a file that
        somebody may be about to open.
        """
        try:
            # By default the kernel says by SIGIO that somebody waits, which ends a process.
            fcntl.fcntl(self.fd, fcntl.F_SETSIG, signal.SIGURG)
            fcntl.fcntl(self.fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        except BlockingIOError:
            return True
        except OSError:  # a filesystem without leases, or another user's file without CAP_LEASE
            return None
        fcntl.fcntl(self.fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        return False

    def finished(self) -> bool:
        """Whether closing it, deleted as it is, gives nothing up: all is acknowledged, and nobody
        writes."""
        return self.acknowledged() and not self.written()

    def contents(self, offset: int) -> Iterator[bytes]:
        """Its bytes from `offset` on, to where it ends now. Does not change where it is read."""
        inflated = None if self.inflated is None else Inflated(self.fd)
        while True:
            if inflated is None:
                data = os.pread(self.fd, _COPY, offset)
            else:
                data = inflated.read(_COPY, offset)
                if not data and not inflated.ended:
                    continue
            if not data:
                return
            yield data
            offset += len(data)

    def move_to(self, fd: int, inode: int, inflated: Inflated | None) -> None:
        """Go on in a copy of it; the mark comes along."""
        self.close()
        self.fd, self.inflated = fd, inflated
        self.mark.inode = inode

    def read(self, limit: int) -> Block:
        """Read at most `limit` bytes from `offset`, then make sure that it is the same file still.

        In this order: bytes written after a truncation can be at `offset` only once the head is
        new as well.
        """
        if self.inflated is not None:
            data = self.inflated.read(limit, self.offset)
            self.size = self.offset + len(data)
            return Block(data, self.offset, intact=True)
        size = os.lseek(self.fd, 0, os.SEEK_END)
        data = os.pread(self.fd, limit, self.offset)
        return self._checked(size, data, os.pread(self.fd, HEAD_SIZE, 0))

    def read_cached(self, buffer: bytearray, limit: int) -> Block | None:
        """
        As `read`, if all it takes is in memory; None where a disk might be waited for.

        What was just written nearly always is, and then the way to another thread and back costs as
        much as the reading. The block may be shorter than what is in the file. Its data may be
        `buffer` itself: good until the next call with it.
        """
        if self.inflated is not None or not self._tells_cached:
            return None
        size = os.lseek(self.fd, 0, os.SEEK_END)
        room, head = memoryview(buffer)[:limit], bytearray(HEAD_SIZE)
        try:
            count = os.preadv(self.fd, [room], self.offset, os.RWF_NOWAIT)
            known = os.preadv(self.fd, [head], 0, os.RWF_NOWAIT)
        except BlockingIOError:
            return None
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):
                raise
            self._tells_cached = False  # its filesystem cannot tell
            return None
        data = buffer if count == len(buffer) else bytes(room[:count])
        return self._checked(size, data, bytes(head[:known]))

    def _checked(self, size: int, data: Bytes, head: bytes) -> Block:
        if not head.startswith(self.head):
            return Block(b"", self.offset, intact=False)
        if len(head) > len(self.head):
            self.head = head
            self.mark.head = head_of(head)
        self.size = max(size, self.offset + len(data))
        return Block(data, self.offset, intact=True)

    @property
    def unfinished(self) -> bool:
        """Whether a part of a line was read of it and no more."""
        return self.framer.start != self.offset

    def close(self) -> None:
        """Close the file. Idempotent."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


class OpenedLog(NamedTuple):
    """A log file, just opened."""

    fd: int
    status: os.stat_result
    head: bytes
    """The first HEAD_SIZE bytes of its content, or all it has."""
    inflated: Inflated | None
    """Where it is compressed."""


def open_log(path: str, owner: int | None = None) -> OpenedLog:
    """
    Open a log file, compressed where its name says so.

    owner: the uid it must belong to. Raises FileNotFoundError, `NotALogFile`, any other OSError.
    """
    # O_NONBLOCK: opening a pipe must not wait for its writer.
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise NotALogFile(f"{path} is not a regular file")
        if owner is not None and status.st_uid != owner:
            raise NotALogFile(f"{path} belongs to user {status.st_uid}, not to {owner}")
        if path.endswith(COMPRESSED):
            head = Inflated(fd).read(HEAD_SIZE, 0)
            return OpenedLog(fd, status, head, Inflated(fd))
        return OpenedLog(fd, status, os.pread(fd, HEAD_SIZE, 0), None)
    except BaseException:
        os.close(fd)
        raise
