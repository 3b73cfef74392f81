"""The checkpoint: up to where each log file is acknowledged. One JSON file per destination.

    {"version":1,"files":[{"path":"/var/log/pods/…/0.log","inode":131,"length":1024,
     "digest":"9f…","offset":83120,"done":false}]}

`path` is the path the container logs to, also for files that were rotated away from it. `offset` is
a promise: the destination has acknowledged every line before it. `done` says that the file was
read to its end and nobody writes to it any more.

It is replaced in one step (temporary file, fsync, rename), so a crash leaves the old one or the new
one. (The directory is not synced: what a crash of the machine can bring back is the old checkpoint,
which sends some lines again.) A file that cannot be understood, or is from a newer version, is
kept aside under a name of its own and said so: the worker then reads every log from its start,
which sends lines twice and loses none.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import aiofiles.os
import orjson

from agent.logs.fingerprint import HEAD_SIZE, Head
from agent.records import dataclass

VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class FileRecord:
    """One file in the checkpoint."""

    path: str
    inode: int
    head: Head
    offset: int
    """Bytes; entries for a journal."""
    done: bool
    cursor: str = ""
    """A journal's: where the entry is that `offset` counts to; "" for a file."""


class UnreadableCheckpoint(ValueError):
    """Not a checkpoint this version can read; says why."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was there at start."""

    files: tuple[FileRecord, ...]
    found: bool = False
    """Whether a checkpoint was there, readable or not: this is not the first start."""
    set_aside: str = ""
    """Where the unreadable checkpoint was moved to; "" where it was read, or there was none."""
    reason: str = ""
    """Why it was set aside."""


def encode(files: Iterable[FileRecord]) -> bytes:
    """Write a checkpoint as bytes."""
    rows = [
        {
            "path": file.path,
            "inode": file.inode,
            "length": file.head.length,
            "digest": file.head.digest,
            "offset": file.offset,
            "done": file.done,
            **({"cursor": file.cursor} if file.cursor else {}),
        }
        for file in files
    ]
    return orjson.dumps({"version": VERSION, "files": rows})


def decode(data: bytes) -> tuple[FileRecord, ...]:
    """Read a checkpoint's bytes. Raise `UnreadableCheckpoint` where they are not one."""
    try:
        document = orjson.loads(data)
    except ValueError as error:
        raise UnreadableCheckpoint(f"not JSON: {error}") from None
    version = document.get("version") if isinstance(document, dict) else None
    if type(version) is not int:
        raise UnreadableCheckpoint("has no version")
    if version != VERSION:
        raise UnreadableCheckpoint(f"has version {version}, this agent reads {VERSION}")
    rows = document.get("files")
    if not isinstance(rows, list):
        raise UnreadableCheckpoint("has no list of files")
    return tuple(_file_record(row) for row in rows)


def load(path: str) -> Loaded:
    """Read the checkpoint at `path`; keep aside one that cannot be read. Raises OSError."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except FileNotFoundError:
        return Loaded(())
    try:
        return Loaded(decode(data), found=True)
    except UnreadableCheckpoint as error:
        aside = _free_name(path + ".corrupt")
        Path(path).replace(aside)
        return Loaded((), True, aside, str(error))


async def save(path: str, files: Iterable[FileRecord]) -> None:
    """Replace the checkpoint at `path`. Raises OSError; the old one is then still there."""
    await _replace(path, encode(files))


@aiofiles.os.wrap
def _replace(path: str, data: bytes) -> None:
    """In one turn of a thread: each costs more than most of these calls."""
    temporary = path + ".tmp"
    with open(temporary, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    Path(temporary).replace(path)


def _file_record(row: object) -> FileRecord:
    if isinstance(row, dict):
        path, digest, done = row.get("path"), row.get("digest"), row.get("done")
        numbers = [_count(row.get(key)) for key in ("inode", "length", "offset")]
        if isinstance(path, str) and isinstance(digest, str) and isinstance(done, bool):
            inode, length, offset = numbers
            cursor = row.get("cursor", "")
            if min(numbers) >= 0 and length <= HEAD_SIZE and isinstance(cursor, str):
                return FileRecord(path, inode, Head(length, digest), offset, done, cursor)
    raise UnreadableCheckpoint(f"has a file that is not one: {str(row)[:200]}")


def _count(value: object) -> int:
    """A whole number from 0; -1 for anything else."""
    return value if type(value) is int else -1


def _free_name(path: str) -> str:
    name, number = path, 1
    while os.path.exists(name):
        number += 1
        name = f"{path}-{number}"
    return name
