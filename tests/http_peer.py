"""An HTTP server of a test's own, in the test's loop: strict about requests, as bad as it is told
to be in its answers."""

from __future__ import annotations

import asyncio
import gzip
import ssl
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Request:
    target: str
    headers: dict[str, str]
    """By lower-case name."""
    body: bytes
    """Without its gzip."""


def response(status: int, body: bytes = b"", **headers: str) -> bytes:
    """A whole answer. Headers by name with _ for -."""
    lines = [f"HTTP/1.1 {status} said so", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def ok(request: Request, writer: asyncio.StreamWriter) -> bytes:
    return response(200)


Answer = Callable[[Request, asyncio.StreamWriter], Awaitable[bytes | None]]
"""What goes back: a whole answer, or None after it wrote what it wanted itself."""


@dataclass
class HttpPeer:
    answer: Answer = ok
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    wrong: list[str] = field(default_factory=list)
    """Rules a request broke."""
    port: int = 0
    _listener: asyncio.Server | None = None
    _writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def listen(self, context: ssl.SSLContext | None = None) -> None:
        self._listener = await asyncio.start_server(
            self._handle, "127.0.0.1", self.port, ssl=context
        )
        self.port = self._listener.sockets[0].getsockname()[1]

    async def die(self) -> None:
        assert self._listener is not None
        self._listener.close()
        self.drop()
        await asyncio.sleep(0)

    def drop(self) -> None:
        """Close every connection."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    def url(self, path: str, scheme: str = "http") -> str:
        return f"{scheme}://127.0.0.1:{self.port}{path}"

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        try:
            while True:
                request = await self._read(reader)
                self.requests.append(request)
                answer = await self.answer(request, writer)
                if answer is not None:
                    writer.write(answer)
                    await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.transport.abort()

    async def _read(self, reader: asyncio.StreamReader) -> Request:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.rstrip("\r\n").split("\r\n")
        method, target, protocol = first.split(" ")
        headers: dict[str, str] = {}
        for line in lines:
            name, _, value = line.partition(": ")
            if name.lower() in headers:
                self.wrong.append(f"{name} twice")
            headers[name.lower()] = value
        if (method, protocol) != ("POST", "HTTP/1.1"):
            self.wrong.append(first)
        body = await reader.readexactly(int(headers["content-length"]))
        if headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        elif "content-encoding" in headers:
            self.wrong.append(headers["content-encoding"])
        if not headers.get("user-agent", "").startswith("container-agent/"):
            self.wrong.append("no user agent")
        return Request(target, headers, body)


def serve(
    test: Callable[[HttpPeer], Coroutine[object, object, None]],
    answer: Answer = ok,
    context: ssl.SSLContext | None = None,
) -> HttpPeer:
    """Run `test` with a server; fail if a request broke a rule."""
    peer = HttpPeer(answer)

    async def whole() -> None:
        await peer.listen(context)
        try:
            async with asyncio.timeout(30):
                await test(peer)
        finally:
            await peer.die()
            await asyncio.sleep(0.01)

    asyncio.run(whole())
    assert peer.wrong == []
    return peer


async def garbage(request: Request, writer: asyncio.StreamWriter) -> bytes:
    return b"\x16\x03\x01 this is no HTTP\r\n\r\n" + bytes(200)


async def half_closed(request: Request, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
    writer.write_eof()


async def silence(request: Request, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)


async def drip(request: Request, writer: asyncio.StreamWriter) -> None:
    """A byte now and then: no single read ever takes long."""
    for byte in b"HTTP/1.1 200 OK\r\nX-Endless: " + b"x" * 10_000:
        writer.write(bytes((byte,)))
        await writer.drain()
        await asyncio.sleep(0.05)


async def hang_up(request: Request, writer: asyncio.StreamWriter) -> None:
    raise ConnectionResetError


async def not_json(request: Request, writer: asyncio.StreamWriter) -> bytes:
    return response(200, b"<html>It works!</html>")


BAD: dict[str, Answer] = {
    "garbage": garbage,
    "half closed": half_closed,
    "silence": silence,
    "drip": drip,
    "hang up": hang_up,
}
"""Servers whose answer is none, whatever was asked."""
