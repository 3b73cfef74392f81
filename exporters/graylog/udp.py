"""GELF over UDP: nothing is acknowledged. Delivered means handed to the network.

Each message is compressed with zlib where that is configured, and cut into datagrams. A closed port
on the other side (ICMP) is seen at the next datagram and answered with a retry; a full buffer there
or a lost packet on the way is not seen at all.
"""

from __future__ import annotations

import asyncio
import os
import socket
import zlib
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from agent.faults import told
from agent.log_destinations import GraylogDestination
from agent.logs.chunk import Chunk, Delivered, Outcome, Rejected, RetryAfter
from exporters.backoff import Backoff
from exporters.graylog.gelf import MOST_PIECES, GelfEncoder, datagrams, messages

_BURST: Final = 64
"""Datagrams between two looks at other tasks."""


class GelfUdp:
    """A Destination (agent/logs/chunk.py) that is a GELF UDP input."""

    connected: bool | None = None
    """A datagram has no connection."""

    def __init__(self, config: GraylogDestination) -> None:
        parts = urlsplit(config.url)
        self._config = config
        self._place = (parts.hostname or "", parts.port or 0)
        self._backoff = Backoff()
        self._socket: socket.socket | None = None
        self._host = config.host_name or socket.gethostname()
        self._lock = asyncio.Lock()
        self._sent: dict[str, int] = {}
        """Chunk id → messages sent already, of chunks that are to be tried again."""

    @property
    def chunk_bytes(self) -> int:
        """Bytes of a chunk."""
        return self._config.chunk_bytes

    def encoder(self, fields: Mapping[str, str]) -> GelfEncoder:
        """The encoder of one container's entries."""
        # What 128 pieces hold also where zlib makes nothing smaller.
        most = MOST_PIECES * (self._config.datagram_bytes - 12) - 512
        return GelfEncoder(fields, self._host, most)

    async def send(self, chunk: Chunk) -> Outcome:
        """Send every message of one chunk."""
        async with self._lock:
            now = asyncio.get_running_loop().time()
            wait = self._backoff.left(now)
            if wait:
                return RetryAfter(wait, self._backoff.reason)
            whole = messages(chunk.payload)
            done = self._sent.pop(chunk.id, 0)
            lost = 0
            try:
                sock = self._socket or await self._open()
                for message in whole[done:]:
                    lost += not await self._send_message(sock, message)
                    done += 1
            except (OSError, ValueError) as error:
                self._close_socket()
                self._sent[chunk.id] = done
                reason = f"cannot send to {self._config.url}: {told(error)}"
                now = asyncio.get_running_loop().time()
                return RetryAfter(self._backoff.fail(now, reason), reason)
            self._backoff.succeed()
            if lost:
                return Rejected(lost, f"more than {MOST_PIECES} datagrams for a message")
            return Delivered()

    async def close(self) -> None:
        """Close the socket."""
        self._close_socket()

    async def _open(self) -> socket.socket:
        loop = asyncio.get_running_loop()
        host, port = self._place
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
        family, kind, protocol, _name, address = found[0]
        made = socket.socket(family, kind, protocol)
        try:
            made.setblocking(False)
            made.connect(address)  # so that a closed port is an error here
        except BaseException:
            made.close()
            raise
        self._socket = made
        return made

    async def _send_message(self, sock: socket.socket, message: bytes) -> bool:
        packed = zlib.compress(message, 1) if self._config.gzip else message
        pieces = datagrams(packed, self._config.datagram_bytes, os.urandom(8))
        if pieces is None:
            return False
        loop = asyncio.get_running_loop()
        for number, piece in enumerate(pieces):
            await loop.sock_sendall(sock, piece)
            if number % _BURST == _BURST - 1:
                await asyncio.sleep(0)
        return True

    def _close_socket(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
