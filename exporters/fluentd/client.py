"""Chunks to a Forward server (Fluentd, Fluent Bit, …), acknowledged.

Several chunks are in flight on one connection; their acknowledgements are matched by id. What can
go wrong, and what then happens:

    cannot connect              RetryAfter, 0.5 s and doubling up to 30 s, with jitter
    connection lost             every chunk in flight: RetryAfter
    no ack within ack_timeout   the connection is closed (a late ack must not meet a later chunk),
                                and every chunk in flight: RetryAfter
    anything but an ack, or     the connection is closed, as above
    an ack nobody waits for

The back-off starts anew at the first acknowledgement, not at the first connection: a server that
takes connections and dies on our data is not hammered.

The connection is made by `PackedForwardSender` in a thread and then belongs to asyncio's streams;
TLS will wrap it there, and the handshake of a server with a shared key will come before the reader.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from agent.config import FluentdDestination
from agent.logs.chunk import Chunk, Delivered, Outcome, RetryAfter
from exporters.fluentd.forward import AckDecoder, ForwardEncoder, NotAnAck, forward_message
from exporters.fluentd.sender import PackedForwardSender

CONNECT_TIMEOUT: Final = 5.0
FIRST_WAIT: Final = 0.5
LONGEST_WAIT: Final = 30.0
_READ: Final = 64 * 1024


class ConnectionLost(ConnectionError):
    """The connection went while chunks waited for their acknowledgements."""


@dataclass(slots=True, eq=False)
class _Connection:
    writer: asyncio.StreamWriter
    reader_task: asyncio.Task[None] | None = None
    waiting: dict[str, asyncio.Future[None]] = field(default_factory=dict)
    """Chunk id → set when it is acknowledged."""


class ForwardClient:
    """A Destination (agent/logs/chunk.py) that speaks Forward."""

    def __init__(
        self, config: FluentdDestination, *, random: Callable[[], float] = random.random
    ) -> None:
        self._config = config
        self._random = random
        self._sender = PackedForwardSender(
            config.tag, host=config.host, port=config.port, timeout=CONNECT_TIMEOUT
        )
        self._connection: _Connection | None = None
        self._lock = asyncio.Lock()
        """One connection is made at a time, and frames go out whole and in order."""
        self._wait = FIRST_WAIT
        self._not_before = 0.0
        self._reason = ""
        self._tried = False

    @property
    def chunk_bytes(self) -> int:
        """Bytes of payload in one message."""
        return self._config.chunk_bytes

    @property
    def connected(self) -> bool | None:
        """None before the first try."""
        return self._connection is not None if self._tried else None

    def encoder(self, fields: Mapping[str, str]) -> ForwardEncoder:
        """The encoder of one container's entries."""
        return ForwardEncoder(fields)

    async def send(self, chunk: Chunk) -> Outcome:
        """Send one chunk and wait for its acknowledgement."""
        try:
            connection, acknowledged = await self._write(chunk)
        except OSError as error:
            return self._later(str(error))
        try:
            async with asyncio.timeout(self._config.ack_timeout):
                await acknowledged
        except TimeoutError:
            reason = f"no acknowledgement within {self._config.ack_timeout} s"
            self._drop(connection, reason)
            return self._later(reason)
        except ConnectionLost as error:
            return self._later(str(error))
        finally:
            connection.waiting.pop(chunk.id, None)
        self._wait = FIRST_WAIT
        return Delivered()

    async def close(self) -> None:
        """Close the connection. Chunks in flight are not waited for."""
        connection = self._connection
        if connection is not None:
            self._drop(connection, "the agent stops")
            if connection.reader_task is not None:
                await asyncio.gather(connection.reader_task, return_exceptions=True)
        self._sender.close()

    async def _write(self, chunk: Chunk) -> tuple[_Connection, asyncio.Future[None]]:
        async with self._lock:
            connection = self._connection or await self._connect()
            if chunk.id in connection.waiting:  # twins: the same line again, to the nanosecond
                raise ConnectionError(f"chunk {chunk.id} waits for its acknowledgement already")
            acknowledged = asyncio.get_running_loop().create_future()
            connection.waiting[chunk.id] = acknowledged
            try:
                connection.writer.write(forward_message(self._config.tag, chunk))
                async with asyncio.timeout(self._config.ack_timeout):
                    await connection.writer.drain()
            except OSError as error:  # TimeoutError as well: the server takes no more bytes
                connection.waiting.pop(chunk.id, None)
                acknowledged.cancel()
                if acknowledged.done() and not acknowledged.cancelled():
                    acknowledged.exception()  # the reader saw the end first, and said so there
                self._drop(connection, f"cannot send: {str(error) or 'the server takes no bytes'}")
                raise
            return connection, acknowledged

    async def _connect(self) -> _Connection:
        loop = asyncio.get_running_loop()
        if loop.time() < self._not_before:
            raise ConnectionError(self._reason)
        self._tried = True
        try:
            made = await asyncio.to_thread(self._sender.connect)
        except OSError as error:
            self._back_off(f"cannot connect to {self._sender.host}:{self._sender.port}: {error}")
            raise ConnectionError(self._reason) from error
        made.setblocking(False)
        reader, writer = await asyncio.open_connection(sock=made)
        connection = self._connection = _Connection(writer)
        connection.reader_task = asyncio.create_task(
            self._read_acks(reader, connection), name="forward acks"
        )
        return connection

    async def _read_acks(self, reader: asyncio.StreamReader, connection: _Connection) -> None:
        decoder = AckDecoder()
        try:
            while data := await reader.read(_READ):
                for identity in decoder.feed(data):
                    acknowledged = connection.waiting.pop(identity, None)
                    if acknowledged is None:
                        raise NotAnAck(f"an acknowledgement of an unknown chunk: {identity!r}")
                    if not acknowledged.done():
                        acknowledged.set_result(None)
            reason = "the server closed the connection"
        except (OSError, NotAnAck) as error:
            reason = str(error)
        self._drop(connection, reason)

    def _drop(self, connection: _Connection, reason: str) -> None:
        """Close a connection; what waits on it fails. Only the first call for it does anything."""
        if self._connection is not connection:
            return
        self._connection = None
        connection.writer.transport.abort()
        self._sender.disconnect()
        reader_task = connection.reader_task
        if reader_task is not None and reader_task is not asyncio.current_task():
            reader_task.cancel()
        for acknowledged in connection.waiting.values():
            if not acknowledged.done():
                acknowledged.set_exception(ConnectionLost(reason))
        connection.waiting.clear()
        self._back_off(reason)

    def _back_off(self, reason: str) -> None:
        self._reason = reason
        # Half fixed, half by chance: a thousand agents must not come back in the same moment.
        pause = self._wait * (0.5 + 0.5 * self._random())
        self._not_before = asyncio.get_running_loop().time() + pause
        self._wait = min(2 * self._wait, LONGEST_WAIT)

    def _later(self, reason: str) -> RetryAfter:
        now = asyncio.get_running_loop().time()
        return RetryAfter(max(0.0, self._not_before - now), reason)
