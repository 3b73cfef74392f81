"""One connection to a Forward server: made, let in, and its acknowledgements read.

    connect     PackedForwardSender in a thread (every address of the name, IPv6 included)
    TLS         asyncio, where configured: the certificate and its name are checked
    handshake   where a shared key is configured (handshake.py)

Files with secrets and certificates are read for each connection.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
import ssl
from collections.abc import Callable
from typing import Final

from agent.log_destinations import FluentdDestination
from agent.records import NamedTuple
from exporters.fluentd.forward import AckDecoder, NotAnAck
from exporters.fluentd.handshake import (
    Credentials,
    Hello,
    Messages,
    Refused,
    check_pong,
    parse_hello,
    ping,
)
from exporters.fluentd.outlet import Outlet, SocketOutlet, StreamOutlet
from exporters.fluentd.reasons import ended
from exporters.fluentd.servers import CONNECT_TIMEOUT, Server
from exporters.tls import tls

_READ: Final = 64 * 1024


class ConnectionLost(ConnectionError):
    """The connection went while chunks waited for their acknowledgements."""


class Connection:
    """An open connection. `waiting`: chunk id → set when it is acknowledged."""

    def __init__(
        self,
        server: Server,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        outlet: Outlet,
        *,
        keepalive: bool,
        config: FluentdDestination,
        on_end: Callable[[Connection, str], None],
    ) -> None:
        self.server = server
        self.outlet = outlet
        self._writer = writer
        self.keepalive = keepalive
        """False: the server takes one message."""
        self.waiting: dict[str, asyncio.Future[None]] = {}
        self.closed = False
        self.reason = ""
        """Why it is closed, and where it led to."""
        self._config = config
        self._heard = False
        self._retired = False
        self._on_end = on_end
        self.reading = asyncio.create_task(self._read_acks(reader), name="forward acks")

    def expect(self, identity: str) -> asyncio.Future[None]:
        """Wait for the acknowledgement of a chunk, from now on."""
        acknowledged = asyncio.get_running_loop().create_future()
        self.waiting[identity] = acknowledged
        return acknowledged

    def forget(self, identity: str) -> None:
        """Wait for it no more."""
        self.waiting.pop(identity, None)
        if self._retired and not self.waiting:
            self.close("done")

    def retire(self) -> None:
        """Send nothing more; close when nothing waits."""
        self._retired = True
        if not self.waiting:
            self.close("done")

    def close(self, reason: str) -> None:
        """Close; what waits fails. Idempotent."""
        if self.closed:
            return
        self.closed = True
        self.reason = f"{self.server.place}: {reason}"
        self.outlet.close()
        self._writer.transport.abort()
        if self.reading is not asyncio.current_task():
            self.reading.cancel()
        for acknowledged in self.waiting.values():
            if not acknowledged.done():
                acknowledged.set_exception(ConnectionLost(self.reason))
        self.waiting.clear()

    async def _read_acks(self, reader: asyncio.StreamReader) -> None:
        decoder = AckDecoder()
        try:
            while data := await reader.read(_READ):
                for identity in decoder.feed(data):
                    acknowledged = self.waiting.pop(identity, None)
                    if acknowledged is None:
                        raise NotAnAck(f"an acknowledgement of an unknown chunk: {identity!r}")
                    if not acknowledged.done():
                        acknowledged.set_result(None)
                    self._heard = True
                if self._retired and not self.waiting:
                    self.close("done")
                    return
            reason = ended(None, self._config, heard=self._heard)
        except NotAnAck as error:
            reason = str(error)
        except OSError as error:
            reason = ended(error, self._config, heard=self._heard)
        self._on_end(self, reason)


class _Secrets(NamedTuple):
    """What a connection needs from files, as they are now."""

    context: ssl.SSLContext | None
    who: Credentials | None


async def connect(
    server: Server, config: FluentdDestination, on_end: Callable[[Connection, str], None]
) -> Connection:
    """Make a connection that chunks may be sent on. Raises OSError, `Refused` among them."""
    loop = asyncio.get_running_loop()
    prepared = await asyncio.to_thread(_prepare, config)
    made = loop.run_in_executor(None, server.sender.detach)
    try:
        sock = await asyncio.shield(made)
    except asyncio.CancelledError:
        made.add_done_callback(_close_made)
        raise
    except ValueError as error:  # a name that no name may be
        raise ConnectionError(f"{server.config.host}: {error}") from None
    sock.setblocking(False)
    step = "TLS"
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT):
            reader, writer = await _streams(sock, prepared.context, config, server)
            step = "handshake"
            keepalive = await _let_in(reader, writer, prepared.who)
    except TimeoutError:
        hint = "; has the server a <security> section?" if step == "handshake" else "; has it TLS?"
        raise ConnectionError(f"no {step} within {CONNECT_TIMEOUT:g} s{hint}") from None
    outlet: Outlet
    try:
        outlet = StreamOutlet(writer) if prepared.context else SocketOutlet(sock)
    except OSError:  # no descriptor is free, or the server closed meanwhile
        writer.transport.abort()
        raise
    return Connection(
        server, reader, writer, outlet, keepalive=keepalive, config=config, on_end=on_end
    )


async def _streams(
    sock: socket.socket,
    context: ssl.SSLContext | None,
    config: FluentdDestination,
    server: Server,
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    try:
        if context is None:
            return await asyncio.open_connection(sock=sock)
        name = config.tls_server_name or server.config.host
        return await asyncio.open_connection(sock=sock, ssl=context, server_hostname=name)
    except BaseException:
        sock.close()
        raise


async def _let_in(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, who: Credentials | None
) -> bool:
    """Return whether the server keeps the connection after a message."""
    if who is None:
        return True
    try:
        return (await _shake_hands(reader, writer, who)).keepalive
    except BaseException:
        writer.transport.abort()
        raise


async def _shake_hands(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, who: Credentials
) -> Hello:
    salt = secrets.token_hex(16)
    hello = parse_hello(await _message(reader))
    writer.write(ping(hello, who, salt))
    await writer.drain()
    check_pong(await _message(reader), hello, who, salt)
    return hello


async def _message(reader: asyncio.StreamReader) -> object:
    messages = Messages()
    while data := await reader.read(_READ):
        message = messages.feed(data)
        if message is not None:
            return message
    raise Refused("the server closed the connection in the handshake")


def _prepare(config: FluentdDestination) -> _Secrets:
    context = tls(config) if config.tls else None
    if not config.shared_key_file:
        return _Secrets(context, None)
    return _Secrets(
        context,
        Credentials(
            config.self_hostname or socket.gethostname(),
            _secret(config.shared_key_file),
            config.username,
            _secret(config.password_file) if config.username else b"",
        ),
    )


def _secret(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read().strip()


def _close_made(made: asyncio.Future[socket.socket]) -> None:
    if not made.cancelled() and made.exception() is None:
        made.result().close()
