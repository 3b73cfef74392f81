"""Deleted log files that were still being read when the worker stopped: kept for its next start.

Closing a deleted file gives its bytes up. On a stop, what is not acknowledged of one is copied to
the state directory; the next worker reads it before anything else of that container and deletes it
when it is acknowledged. A kill leaves no time for this: then such bytes are gone.

    STATE/logs-….spool/000001.log     a line of JSON, then the file's own bytes from `offset` on
    {"version":1,"path":"/var/log/pods/…/0.log","format":"cri","inode":131,"length":1024,
     "digest":"9f…","offset":83120,"fields":{"container_name":"web"},"labels":{…},"annotations":{…}}

Bounded: over `limit` bytes in all, nothing more is taken. A file is there whole or not at all
(temporary name, fsync, rename).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import orjson

from agent.container.statefile import texts
from agent.logs.checkpoint import FileRecord
from agent.logs.fingerprint import Head
from agent.records import dataclass, field

VERSION: Final = 1
LIMIT: Final = 256 * 1024 * 1024
"""Bytes of spooled files. Copied in about a second, while a service manager waits."""
_HEADER_MOST: Final = 1024 * 1024
"""Bytes. Kubernetes has at most 256 KiB of annotations on a pod."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What a spooled file is the rest of."""

    path: str
    """The path its container logs to."""
    format: str
    inode: int
    head: Head
    offset: int
    """Bytes of it that were acknowledged, and are not here."""
    fields: dict[str, str]
    """The constant fields of its records."""
    labels: Mapping[str, str] = field(default_factory=dict)
    log_annotations: Mapping[str, str] = field(default_factory=dict)
    """Its container's: what is to be done with its lines stands there, and may be gone by then."""


@dataclass(frozen=True, slots=True)
class Spooled:
    """One file of the spool."""

    file: str
    start: int
    """Where the origin's bytes begin."""
    origin: Origin


class SpoolFull(OSError):
    """Taking this would pass the limit."""


class Spool:
    """One worker's spool directory."""

    def __init__(self, directory: str, limit: int = LIMIT) -> None:
        self.directory = directory
        self._limit = limit

    def save(self, origin: Origin, size: int, blocks: Iterable[bytes]) -> None:
        """Keep `blocks`, about `size` bytes of `origin`. Raises OSError, and then keeps nothing."""
        directory = Path(self.directory)
        directory.mkdir(mode=0o750, exist_ok=True)
        names = sorted(directory.glob("*.log"))
        header = _header(origin)
        if len(header) > _HEADER_MOST:
            raise SpoolFull(f"labels and annotations of {len(header)} bytes")
        room = self._limit - sum(name.stat().st_size for name in names)
        if size > room:
            raise SpoolFull(f"{size} bytes, and room for {room}")
        number = int(names[-1].stem) + 1 if names else 1
        final = directory / f"{number:06d}.log"
        temporary = final.with_suffix(".tmp")
        try:
            with temporary.open("xb") as file:
                file.write(header)
                for block in blocks:
                    room -= len(block)
                    if room < 0:
                        raise SpoolFull("more bytes than announced")
                    file.write(block)
                file.flush()
                os.fsync(file.fileno())
            temporary.rename(final)
        finally:
            temporary.unlink(missing_ok=True)

    def load(self) -> tuple[list[Spooled], list[str]]:
        """Return what is there, oldest first, and in words what cannot be read. Raises OSError."""
        found: list[Spooled] = []
        bad: list[str] = []
        directory = Path(self.directory)
        if not directory.is_dir():
            return found, bad
        for leftover in directory.glob("*.tmp"):
            leftover.unlink()
        for name in sorted(directory.glob("*.log")):
            with name.open("rb") as file:
                line = file.readline(_HEADER_MOST)
            try:
                found.append(Spooled(str(name), len(line), _origin(line)))
            except ValueError as error:
                bad.append(f"{name}: {error}")
        return found, bad

    def without_delivered(
        self, records: Iterable[FileRecord], found: Iterable[Spooled]
    ) -> list[FileRecord]:
        """A checkpoint's records, without those of spooled files that are gone: they are deleted
        when they are delivered, a moment before the checkpoint forgets them."""
        there = {item.file for item in found}
        prefix = self.directory + "/"
        return [
            record
            for record in records
            if record.path in there or not record.path.startswith(prefix)
        ]


def _header(origin: Origin) -> bytes:
    return orjson.dumps(
        {
            "version": VERSION,
            "path": origin.path,
            "format": origin.format,
            "inode": origin.inode,
            "length": origin.head.length,
            "digest": origin.head.digest,
            "offset": origin.offset,
            "fields": origin.fields,
            "labels": origin.labels,
            "annotations": origin.log_annotations,
        },
        option=orjson.OPT_APPEND_NEWLINE,
    )


def _origin(line: bytes) -> Origin:
    """Read what `_header` wrote. Raises ValueError for anything else."""
    row = orjson.loads(line)
    if not isinstance(row, dict) or row.get("version") != VERSION:
        raise ValueError("not a spooled log file of this version")
    path, log_format, digest, fields = (
        row.get(key) for key in ("path", "format", "digest", "fields")
    )
    inode, length, offset = (row.get(key) for key in ("inode", "length", "offset"))
    if not (
        isinstance(path, str)
        and isinstance(log_format, str)
        and isinstance(digest, str)
        and isinstance(fields, dict)
        and type(inode) is int
        and type(length) is int
        and type(offset) is int
    ):
        raise ValueError("not the head of a spooled log file")
    return Origin(
        path, log_format, inode, Head(length, digest), offset,
        {str(key): str(value) for key, value in fields.items()},
        texts(row, "labels"), texts(row, "annotations"),
    )  # fmt: skip
