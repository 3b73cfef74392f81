"""The only open() of kernel files (cgroupfs, procfs), and what decides what "absent" is.

Three outcomes, never mixed up:

    a value       the kernel said so
    None          this host or this cgroup does not have it (ABSENT errnos)
    Denied        it is there, and we may not read it (EACCES, EPERM)

Anything else is raised. Text that a parser cannot read is raised as `UnexpectedText`, which names
the file and quotes the text.
"""

from __future__ import annotations

import enum
import errno
import os
from collections.abc import Callable
from typing import Final, Literal, TypeVar

T = TypeVar("T")

ABSENT: Final = frozenset(
    {
        errno.ENOENT,  # controller off, older kernel, or the cgroup is gone
        errno.ENODEV,  # the cgroup was removed while we held the file open
        errno.EOPNOTSUPP,  # PSI compiled in but off; cgroup.procs of a threaded cgroup
        errno.ESRCH,  # the process of a /proc/PID file ended
    }
)
DENIED: Final = frozenset({errno.EACCES, errno.EPERM})

_READ_SIZE: Final = 16384
"""Bytes per read. The largest cgroup file in practice, memory.stat, is about 2 KiB."""

_NEARLY_A_PAGE: Final = 4096 - 256
"""Bytes. A page that another line of at most 256 bytes did not fit into."""


class Unlimited(enum.Enum):
    """The kernel's "max": a limit file that says there is no limit."""

    UNLIMITED = "max"

    def __repr__(self) -> str:
        return "UNLIMITED"


UNLIMITED: Final = Unlimited.UNLIMITED
Limit = int | Literal[Unlimited.UNLIMITED]
"""A limit in the file's own unit, or UNLIMITED. Absent is None: usually `Limit | None`."""


class UnexpectedText(ValueError):
    """A kernel file holds text its parser does not know. Names the file where that is known."""

    def __init__(self, text: str, path: str = "") -> None:
        super().__init__(text, path)
        self.text = text
        self.path = path

    def __str__(self) -> str:
        where = self.path or "kernel file"
        return f"{where}: cannot read {self.text[:200]!r}"


class Denied(OSError):
    """The file exists and this process may not read it."""


def parse_limit(text: str) -> Limit:
    """Parse one number or the word "max"."""
    text = text.strip()
    if text == "max":
        return UNLIMITED
    return parse_count(text)


def parse_count(text: str) -> int:
    """Parse one whole number, the form of memory.current, pids.current and friends."""
    try:
        return int(text)
    except ValueError:
        raise UnexpectedText(text) from None


def read(path: str, parse: Callable[[str], T]) -> T | None:
    """
    Read the whole of `path` and parse it.

    Return None where the file is absent. Raise `Denied` where it may not be read, `UnexpectedText`
    where the parser refuses the text, and OSError for any other failure.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise_unless_absent(error, path)
        return None
    try:
        return read_kept(fd, path, parse)
    finally:
        os.close(fd)


def read_kept(fd: int, path: str, parse: Callable[[str], T]) -> T | None:
    """Like `read`, from the start of an open file, which stays open. `path` is for messages."""
    try:
        data = read_bytes(fd)
    except OSError as error:
        raise_unless_absent(error, path)
        return None
    return parse_named(data, path, parse)


def open_kept(path: str, at: int | None = None) -> int | None:
    """
    Open a file to be read again and again. None where absent; raises like `read`.

    `at` is the directory it is in, open: then only the last part of `path` is looked up.
    """
    try:
        if at is None:
            return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        return os.open(path.rpartition("/")[2], os.O_RDONLY | os.O_CLOEXEC, dir_fd=at)
    except OSError as error:
        raise_unless_absent(error, path)
        return None


def open_directory(path: str) -> int | None:
    """Open a directory for the `at` of `open_kept`. None where absent; raises like `read`."""
    try:
        return os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise_unless_absent(error, path)
        return None


def read_bytes(fd: int) -> bytes:
    """
    Return everything an open file holds, from its start. Raises OSError.

    A short read is not the end: files made of many records (net/dev, mountinfo, cgroup.procs) hand
    out at most a page at a time, however much is asked for. Only an empty read is the end.
    """
    data = os.pread(fd, _READ_SIZE, 0)
    while more := os.pread(fd, _READ_SIZE, len(data)):
        data += more
    return data


def read_table(path: str, parse: Callable[[str], T]) -> T | None:
    """
    Like `read`, for a file of many short lines whose end is dear to ask for (net/tcp).

    Such a file hands out full pages until its last; a read that is short of one was the last.
    """
    found = read_identified(path)
    return None if found is None else parse_named(found[1], path, parse)


def read_identified(path: str) -> tuple[int, bytes] | None:
    """The inode and the text of a file like those of `read_table`; None where absent."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise_unless_absent(error, path)
        return None
    try:
        inode = os.fstat(fd).st_ino
        text = piece = os.pread(fd, _READ_SIZE, 0)
        while len(piece) >= _NEARLY_A_PAGE:
            piece = os.pread(fd, _READ_SIZE, len(text))
            text += piece
    except OSError as error:
        raise_unless_absent(error, path)
        return None
    finally:
        os.close(fd)
    return inode, text


def parse_named(data: bytes, path: str, parse: Callable[[str], T]) -> T:
    """Parse what was read of `path`, which `UnexpectedText` then names."""
    try:
        return parse(data.decode("utf-8", "surrogateescape"))
    except UnexpectedText as error:
        raise UnexpectedText(error.text, path) from None


def device_path(sys_block: str, device: tuple[int, int]) -> str | None:
    """
    "/dev/sda" of (major, minor), by the link in /sys/dev/block; None for one the kernel has not.

    "!" in a name of the kernel's is "/" below /dev: "cciss!c0d0".
    """
    try:
        target = os.readlink(f"{sys_block}/{device[0]}:{device[1]}")
    except OSError:
        return None
    return "/dev/" + os.path.basename(target).replace("!", "/")


def raise_unless_absent(error: OSError, path: str) -> None:
    """Return where `error` says that `path` is absent; else raise `Denied`, or it itself."""
    if error.errno in ABSENT:
        return
    if error.errno in DENIED:
        raise Denied(error.errno, os.strerror(error.errno), path) from None
    raise error
