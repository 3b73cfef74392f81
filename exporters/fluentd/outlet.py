"""Frames to a connection's socket, from where their pieces lie.

asyncio's StreamWriter hands each piece to the kernel by itself, and keeps a copy of what that does
not take at once. Where there is no TLS, sendmsg(2) takes all pieces in one call and nothing is
copied: that and the fewer calls are a tenth of all CPU time of a worker with plain chunks.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from typing import Final, Protocol

_MOST: Final = 512
"""Pieces of one call: sendmsg(2) takes 1024."""


_Piece = bytes | memoryview


class Outlet(Protocol):
    """Where frames of one connection go."""

    async def write(self, pieces: Sequence[bytes], seconds: float) -> None:
        """Write a whole frame; return when the next one may come. Raises OSError, of which
        TimeoutError is one where the server does not take it in so many seconds."""
        ...

    def close(self) -> None:
        """Close; a `write` that waits raises ConnectionError. Idempotent."""
        ...


class StreamOutlet:
    """By the stream itself, which knows TLS."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer

    async def write(self, pieces: Sequence[bytes], seconds: float) -> None:
        """As `Outlet`."""
        self._writer.writelines(pieces)
        async with asyncio.timeout(seconds):
            await self._writer.drain()

    def close(self) -> None:
        """As `Outlet`: the stream has an owner, who closes it."""


class SocketOutlet:
    """By a second descriptor of a stream's socket: the stream goes on reading from the first."""

    def __init__(self, sock: socket.socket) -> None:
        """`sock`: not blocking, and nothing written to its stream is on its way any more."""
        self._socket = sock.dup()
        self._loop = asyncio.get_running_loop()
        self._room: asyncio.Future[None] | None = None

    async def write(self, pieces: Sequence[bytes], seconds: float) -> None:
        """As `Outlet`. One at a time."""
        rest = self._send(list(pieces))
        if rest:
            async with asyncio.timeout(seconds):
                while rest:
                    await self._wait_for_room()
                    rest = self._send(rest)

    def close(self) -> None:
        """As `Outlet`."""
        room, self._room = self._room, None
        if room is not None:
            self._loop.remove_writer(self._socket)
            if not room.done():
                room.set_exception(ConnectionError("the connection was closed"))
        self._socket.close()

    def _send(self, rest: list[_Piece]) -> list[_Piece]:
        """Send what the kernel takes now; return what is left."""
        try:
            while rest:
                rest = _after(rest, self._socket.sendmsg(rest[:_MOST]))
        except BlockingIOError:
            pass
        return rest

    async def _wait_for_room(self) -> None:
        room = self._room = self._loop.create_future()
        self._loop.add_writer(self._socket, _finish, room)
        try:
            await room
        finally:
            if self._room is room:  # else it was closed meanwhile
                self._room = None
                self._loop.remove_writer(self._socket)


def _finish(room: asyncio.Future[None]) -> None:
    if not room.done():
        room.set_result(None)


def _after(pieces: list[_Piece], sent: int) -> list[_Piece]:
    """Return what is left of `pieces` when the first `sent` bytes went."""
    for at, piece in enumerate(pieces):
        if sent < len(piece):
            return [memoryview(piece)[sent:], *pieces[at + 1 :]]
        sent -= len(piece)
    return []
