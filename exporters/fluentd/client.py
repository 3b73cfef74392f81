"""Chunks to a Forward server (Fluentd, Fluent Bit, …), acknowledged.

Several chunks are in flight on one connection; their acknowledgements are matched by id. What can
go wrong, and what then happens:

    cannot connect              the next server at once, if there is one; else RetryAfter, 0.5 s and
                                doubling up to 30 s for each server, with jitter
    connection lost             every chunk in flight on it: RetryAfter
    no ack within ack_timeout   the connection is closed (a late ack must not meet a later chunk),
                                and every chunk in flight on it: RetryAfter
    anything but an ack, or     the connection is closed, as above
    an ack nobody waits for

One connection is written to at a time. While it goes to a standby server, the others are tried in
the background; what the standby has not acknowledged yet is waited for. A server that says
keepalive=false gets one message for each connection.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from typing import Final

from agent.faults import told
from agent.log_destinations import FluentdDestination
from agent.logs.chunk import Chunk, Delivered, Outcome, RetryAfter
from exporters.fluentd.connection import Connection, ConnectionLost, connect
from exporters.fluentd.forward import ForwardEncoder, forward_message
from exporters.fluentd.servers import Server, Servers

_LAST_WORDS: Final = 0.2
"""Seconds in which the reader of a connection that cannot be written to may say why."""


class ForwardClient:
    """A Destination (agent/logs/chunk.py) that speaks Forward."""

    def __init__(
        self, config: FluentdDestination, *, random: Callable[[], float] = random.random
    ) -> None:
        self._config = config
        self._servers = Servers(config.servers, config.tag, random)
        self._connection: Connection | None = None
        """The one to write to."""
        self._open: set[Connection] = set()
        self._lock = asyncio.Lock()
        """One connection is made at a time, and frames go out whole and in order."""
        self._returning: asyncio.Task[None] | None = None
        self._reached: bool | None = None

    @property
    def chunk_bytes(self) -> int:
        """Bytes of payload in one message."""
        return self._config.chunk_bytes

    @property
    def connected(self) -> bool | None:
        """None before the first try."""
        return self._reached

    def encoder(self, fields: Mapping[str, str]) -> ForwardEncoder:
        """The encoder of one container's entries."""
        # Chunks are filled to three quarters at least, and what is made on the way stays in the
        # processor's cache.
        return ForwardEncoder(fields, self._config.chunk_bytes // 4)

    async def send(self, chunk: Chunk) -> Outcome:
        """Send one chunk and wait for its acknowledgement."""
        try:
            connection, acknowledged = await self._write(chunk)
        except OSError as error:
            return self._later(told(error))
        # asyncio.timeout does the same for a few hundredths of the worker's CPU time.
        late = asyncio.get_running_loop().call_later(
            self._config.ack_timeout, _too_late, acknowledged
        )
        try:
            await acknowledged
        except TimeoutError:
            self._drop(connection, f"no acknowledgement within {self._config.ack_timeout:g} s")
            return self._later(connection.reason)
        except ConnectionLost as error:
            return self._later(str(error))
        finally:
            late.cancel()
            connection.forget(chunk.id)
        connection.server.backoff.succeed()
        return Delivered()

    async def close(self) -> None:
        """Close every connection. Chunks in flight are not waited for."""
        if self._returning is not None:
            self._returning.cancel()
            await asyncio.gather(self._returning, return_exceptions=True)
        connections = list(self._open)
        for connection in connections:
            connection.close("the agent stops")
        self._open.clear()
        self._connection = None
        await asyncio.gather(*(one.reading for one in connections), return_exceptions=True)
        for server in self._servers.all:
            server.sender.close()

    async def _write(self, chunk: Chunk) -> tuple[Connection, asyncio.Future[None]]:
        async with self._lock:
            tag, compression = self._config.tag, self._config.compression
            if compression == "none":
                message = forward_message(tag, chunk)
            else:
                # Within the lock: a small chunk must not overtake a large one.
                message = await asyncio.to_thread(forward_message, tag, chunk, compression)
            connection = self._connection or await self._connect()
            if any(chunk.id in one.waiting for one in self._open):
                # Twins: the same line again, to the nanosecond.
                raise ConnectionError(f"chunk {chunk.id} waits for its acknowledgement already")
            acknowledged = connection.expect(chunk.id)
            try:
                await connection.outlet.write(message, self._config.ack_timeout)
            except OSError as error:  # TimeoutError as well: the server takes no more bytes
                connection.forget(chunk.id)
                acknowledged.cancel()
                if acknowledged.done() and not acknowledged.cancelled():
                    acknowledged.exception()  # the reader saw the end first, and said so there
                late = isinstance(error, TimeoutError)
                if not late and not connection.closed:
                    # Who reads may know more: the alert of a TLS server, for one.
                    await asyncio.wait((connection.reading,), timeout=_LAST_WORDS)
                why = "the server takes no bytes" if late else told(error)
                self._drop(connection, f"cannot send: {why}")
                raise ConnectionLost(connection.reason) from None
            if not connection.keepalive:
                if self._connection is connection:
                    self._connection = None
                connection.retire()
            return connection, acknowledged

    async def _connect(self) -> Connection:
        """Connect to the first server that takes it, and make that the one to write to."""
        now = asyncio.get_running_loop().time()
        for server in self._servers.due(now):
            try:
                self._connection = await self._reach(server)
            except OSError:
                continue  # its back-off knows why
            if server.config.standby:
                self._return_later()
            return self._connection
        _wait, reason = self._servers.first_due(now)
        raise ConnectionError(reason)

    async def _reach(self, server: Server) -> Connection:
        try:
            connection = await connect(server, self._config, self._drop)
        except OSError as error:
            now = asyncio.get_running_loop().time()
            server.backoff.fail(now, f"cannot connect to {server.place}: {told(error)}")
            self._reached = self._connection is not None
            raise
        self._open = {one for one in self._open if not one.closed} | {connection}
        self._reached = True
        return connection

    def _return_later(self) -> None:
        if self._returning is None or self._returning.done():
            self._returning = asyncio.create_task(self._return(), name="forward failback")

    async def _return(self) -> None:
        """Go back to a server that is no standby as soon as one takes connections."""
        loop = asyncio.get_running_loop()
        while (old := self._connection) is not None and old.server.config.standby:
            wait, _reason = self._servers.first_due(loop.time(), standby=False)
            if wait:
                await asyncio.sleep(wait)
            for server in self._servers.due(loop.time()):
                if server.config.standby:
                    break
                try:
                    better = await self._reach(server)
                except OSError:
                    continue
                old, self._connection = self._connection, better
                if old is not None:
                    old.retire()
                return

    def _drop(self, connection: Connection, reason: str) -> None:
        """Close a connection; what waits on it fails. Only the first call for it does anything."""
        if connection.closed:
            return
        connection.close(reason)
        self._open.discard(connection)
        if self._connection is connection:
            self._connection = None
        self._reached = self._connection is not None
        connection.server.backoff.fail(asyncio.get_running_loop().time(), connection.reason)

    def _later(self, reason: str) -> RetryAfter:
        wait, _reason = self._servers.first_due(asyncio.get_running_loop().time())
        return RetryAfter(wait, reason)


def _too_late(acknowledged: asyncio.Future[None]) -> None:
    if not acknowledged.done():
        acknowledged.set_exception(TimeoutError())
