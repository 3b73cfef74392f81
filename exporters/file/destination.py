"""Chunks to a file of JSON lines: the destination that needs nothing else.

A chunk is delivered when it is on the disk (one fsync for each). A full disk is not a loss: the
chunk is kept and tried again, and nothing more is read from the container's own files meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

import aiofiles.os

from agent.file_destination import FileDestination
from agent.logs.chunk import Chunk, Delivered, Outcome, RetryAfter
from exporters.file.json_lines import JsonLinesEncoder
from exporters.file.rotated_file import RotatedFile

CHUNK: Final = 1024 * 1024
RETRY: Final = 5.0
"""Seconds until a full or broken disk is tried again."""


class JsonLinesFile:
    """A Destination (agent/logs/chunk.py) that is a rotated file."""

    def __init__(self, config: FileDestination) -> None:
        self._file = RotatedFile(config.path, config.max_bytes, config.max_files)
        self._append = aiofiles.os.wrap(self._file.append)
        self._path = config.path
        self._chunk_bytes = min(CHUNK, config.max_bytes)
        self._lock = asyncio.Lock()

    @property
    def chunk_bytes(self) -> int:
        """Bytes written and synced at a time."""
        return self._chunk_bytes

    @property
    def connected(self) -> bool | None:
        """A file has no connection."""
        return None

    def encoder(self, fields: Mapping[str, str]) -> JsonLinesEncoder:
        """The encoder of one container's entries."""
        return JsonLinesEncoder(fields)

    async def send(self, chunk: Chunk) -> Outcome:
        """Append one chunk and sync it."""
        async with self._lock:
            try:
                await self._append(chunk.payload)
            except OSError as error:
                return RetryAfter(RETRY, f"cannot write {self._path}: {error.strerror or error}")
        return Delivered()

    async def close(self) -> None:
        """Close the file."""
        async with self._lock:
            self._file.close()
