"""GELF over TCP or TLS: messages that end with NUL, uncompressed, and no answer to any.

Delivered means: the other host's kernel has acknowledged every byte (SIOCOUTQ says that none is
left in ours). What lies in its buffers when the server dies is lost, and nobody can say. A
connection that ends takes the chunk that was on its way with it: it is sent again whole.
"""

from __future__ import annotations

import array
import asyncio
import fcntl
import socket
import ssl
import termios
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from agent.faults import told
from agent.log_destinations import GraylogDestination
from agent.logs.chunk import Chunk, Delivered, Outcome, RetryAfter
from exporters.backoff import Backoff
from exporters.graylog.gelf import GelfEncoder
from exporters.http import CONNECT_TIMEOUT
from exporters.tls import tls

_LOOK: Final = 0.001
_LOOK_MOST: Final = 0.05
"""Seconds between looks at what the other side has not acknowledged, doubling."""


class GelfTcp:
    """A Destination (agent/logs/chunk.py) that is a GELF TCP input."""

    def __init__(self, config: GraylogDestination) -> None:
        parts = urlsplit(config.url)
        self._config = config
        self._host, self._port = parts.hostname or "", parts.port or 0
        self._tls = parts.scheme == "tls"
        self._backoff = Backoff()
        self._own_host = config.host_name or socket.gethostname()
        self._lock = asyncio.Lock()
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._tried = False

    @property
    def chunk_bytes(self) -> int:
        """Bytes of a chunk."""
        return self._config.chunk_bytes

    @property
    def connected(self) -> bool | None:
        """None before the first try."""
        return self._writer is not None if self._tried else None

    def encoder(self, fields: Mapping[str, str]) -> GelfEncoder:
        """The encoder of one container's entries."""
        return GelfEncoder(fields, self._own_host)

    async def send(self, chunk: Chunk) -> Outcome:
        """Send one chunk and wait until the other host has it."""
        async with self._lock:
            loop = asyncio.get_running_loop()
            wait = self._backoff.left(loop.time())
            if wait:
                return RetryAfter(wait, self._backoff.reason)
            try:
                reader, writer = await self._connection()
                async with asyncio.timeout(self._config.timeout):
                    writer.write(chunk.payload)
                    await writer.drain()
                    await _acknowledged(reader, writer)
            except TimeoutError:
                return self._later(f"takes no bytes for {self._config.timeout:g} s")
            except (OSError, ValueError) as error:
                return self._later(told(error))
            except asyncio.CancelledError:
                self._drop()  # in the middle of a message: nothing may follow
                raise
            self._backoff.succeed()
            return Delivered()

    async def close(self) -> None:
        """Close the connection."""
        self._drop()
        await asyncio.sleep(0)

    async def _connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = self._reader, self._writer
        if reader is not None and writer is not None:
            if not reader.at_eof() and not writer.transport.is_closing():
                return reader, writer
            self._drop()
        self._tried = True
        context = await asyncio.to_thread(tls, self._config) if self._tls else None
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                reader, writer = await asyncio.open_connection(self._host, self._port, ssl=context)
        except TimeoutError:
            raise ConnectionError(f"no connection within {CONNECT_TIMEOUT:g} s") from None
        # So that what is written is in the kernel's queue or waited for, and not in Python's.
        writer.transport.set_write_buffer_limits(high=0)
        self._reader, self._writer = reader, writer
        return reader, writer

    def _later(self, reason: str) -> RetryAfter:
        self._drop()
        reason = f"{self._config.url}: {reason}"
        now = asyncio.get_running_loop().time()
        return RetryAfter(self._backoff.fail(now, reason), reason)

    def _drop(self) -> None:
        if self._writer is not None:
            self._writer.transport.abort()
        self._reader = self._writer = None


async def _acknowledged(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Wait until the other host's TCP has every byte. Raises OSError when it never will."""
    sock = writer.get_extra_info("socket")
    pause = _LOOK
    while True:
        if reader.at_eof() or writer.transport.is_closing():
            raise ConnectionError("the server closed the connection")
        if not unacknowledged(sock):
            return
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LOOK_MOST)


def unacknowledged(sock: socket.socket | ssl.SSLSocket) -> int:
    """Bytes that were written and that the other side's TCP has not acknowledged (SIOCOUTQ)."""
    count = array.array("i", (0,))
    fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, count)
    return count[0]
