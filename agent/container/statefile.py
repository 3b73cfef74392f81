"""The only open() of what runtimes leave on disk, and the typed way into its JSON.

The same three outcomes as for kernel files (`agent.kernelfile`): a value; None where the file is
absent; `Denied` where it may not be read. A file that is there and holds something else than
expected raises `UnreadableState`, which names the file.

Some of these paths come from the command line of a process that an ordinary user may own (a
rootless conmon). So only regular files are read, without blocking, and no more than `MAX_BYTES`. A
path through /proc/PID/root stays inside that root (`agent.container.inroot`).
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Mapping
from typing import Final

from agent import kernelfile
from agent.container.inroot import find_in_root, through_root
from agent.records import NamedTuple

MAX_BYTES: Final = 16 * 1024 * 1024
"""The largest state file in practice, Podman's containers.json of 1000 containers, is 0.6 MB."""

Json = Mapping[str, object]
"""A JSON object whose values are unchecked; read it with `text`, `number`, `child`, `texts`."""


class UnreadableState(ValueError):
    """A runtime's file holds something we do not know. The message names the file."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(path, why)
        self.path = path
        self.why = why

    def __str__(self) -> str:
        return f"{self.path}: {self.why}"


def read_bytes(path: str) -> bytes | None:
    """The whole of `path`. None where absent; raises `Denied`, `UnreadableState`, OSError."""
    fd = open_regular(path)
    if fd is None:
        return None
    try:
        size = os.fstat(fd).st_size
        if size > MAX_BYTES:
            raise UnreadableState(path, f"{size} bytes, more than the {MAX_BYTES} read at most")
        parts = []
        left = MAX_BYTES
        while left and (part := os.read(fd, min(left, max(size + 1, 4096)))):
            parts.append(part)
            left -= len(part)
        return b"".join(parts)
    finally:
        os.close(fd)


def open_regular(path: str) -> int | None:
    """A descriptor of a regular file for reading. Raises like `read_bytes`."""
    try:
        fd = _open(path)
    except OSError as error:
        raise_unless_absent(error, path)
        return None
    except UnreadableState:
        raise
    except ValueError:  # a NUL inside the path: whoever wrote it down named no file
        raise UnreadableState(repr(path), "not a path") from None
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise UnreadableState(path, "not a regular file")
    return fd


def _open(path: str) -> int:
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
    within = through_root(path)
    if within is None:
        return os.open(path, flags)
    found = find_in_root(*within)
    try:
        if not stat.S_ISREG(os.fstat(found).st_mode):
            raise UnreadableState(path, "not a regular file")
        return os.open(f"/proc/self/fd/{found}", flags)  # not by its name again
    finally:
        os.close(found)


def names(path: str) -> list[str]:
    """The names in the directory `path`, sorted; none where absent. Raises `Denied`, OSError."""
    within = through_root(path)
    try:
        if within is None:
            return sorted(os.listdir(path))
        found = find_in_root(*within)
        try:
            return sorted(os.listdir(f"/proc/self/fd/{found}"))
        finally:
            os.close(found)
    except OSError as error:
        raise_unless_absent(error, path)
        return []


def link(path: str) -> str:
    """Where the symbolic link `path` leads; "" where absent or none. Raises `Denied`, OSError."""
    within = through_root(path)
    try:
        if within is None:
            return os.readlink(path)
        found = find_in_root(*within, follow=False)
        try:
            return os.readlink("", dir_fd=found)
        finally:
            os.close(found)
    except OSError as error:
        if error.errno != errno.EINVAL:  # not a symbolic link
            raise_unless_absent(error, path)
        return ""


def read_json(path: str) -> object | None:
    """The JSON value in `path`. Raises like `read_bytes`, and `UnreadableState` for bad JSON."""
    data = read_bytes(path)
    return None if data is None else parse_json(data, path)


def read_object(path: str) -> Json | None:
    """The JSON object in `path`; any other JSON value is refused."""
    value = read_json(path)
    return None if value is None else as_object(value, path)


def parse_json(data: bytes, path: str) -> object:
    """Parse JSON. `path` is for the message."""
    import orjson  # which loads uuid, datetime, dataclasses, json: no state file, no need

    try:
        value: object = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise UnreadableState(path, f"not JSON: {error}") from None
    return value


def as_object(value: object, path: str) -> Json:
    """`value` as a JSON object. `path` is for the message."""
    if not isinstance(value, dict):
        raise UnreadableState(path, f"a JSON object is expected, not {type(value).__name__}")
    return value


def child(of: Json, key: str) -> Json:
    """The object at `key`; empty where there is none."""
    value = of.get(key)
    return value if isinstance(value, dict) else {}


def text(of: Json, key: str) -> str:
    """The text at `key`; "" where there is none."""
    value = of.get(key)
    return value if isinstance(value, str) else ""


def number(of: Json, key: str) -> int | None:
    """The whole number at `key`; None where there is none."""
    value = of.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def texts(of: Json, key: str) -> dict[str, str]:
    """The object of texts at `key` (labels, annotations), whatever is not a text left out."""
    return {name: value for name, value in child(of, key).items() if isinstance(value, str)}


def strings(of: Json, key: str) -> tuple[str, ...]:
    """The texts in the array at `key`; empty where there is none."""
    value = of.get(key)
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def objects(of: Json, key: str) -> tuple[Json, ...]:
    """The objects in the array at `key`; empty where there is none."""
    value = of.get(key)
    return (
        tuple(item for item in value if isinstance(item, dict)) if isinstance(value, list) else ()
    )


class Signature(NamedTuple):
    """What differs when a file was written anew or replaced."""

    mtime_ns: int
    inode: int


def signature(path: str) -> Signature | None:
    """One stat of `path`. None where absent; raises `Denied`, OSError."""
    try:
        found = _stat(path)
    except OSError as error:
        raise_unless_absent(error, path)
        return None
    except ValueError:
        raise UnreadableState(repr(path), "not a path") from None
    return Signature(found.st_mtime_ns, found.st_ino)


def _stat(path: str) -> os.stat_result:
    within = through_root(path)
    if within is None:
        return os.stat(path)
    found = find_in_root(*within)
    try:
        return os.fstat(found)
    finally:
        os.close(found)


def raise_unless_absent(error: OSError, path: str) -> None:
    """As `kernelfile`'s, of a path that a runtime wrote down."""
    # It may go through something that is no directory here.
    if not isinstance(error, NotADirectoryError):
        kernelfile.raise_unless_absent(error, path)
