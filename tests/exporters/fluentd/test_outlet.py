"""exporters/fluentd/outlet.py: whole frames to a server that reads slowly, or not at all."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

import pytest

from exporters.fluentd.outlet import SocketOutlet

PIECES = [bytes([number % 251]) * (number * 37 % 5000) for number in range(1500)]
"""More than one sendmsg takes, empty ones among them, and more bytes than the socket keeps."""


def run(test: Callable[[SocketOutlet, socket.socket], Awaitable[None]]) -> None:
    """Give `test` an outlet and the other end of its connection, which nobody reads."""

    async def whole() -> None:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.setblocking(False)
            theirs.setblocking(False)
            outlet = SocketOutlet(ours)
            try:
                async with asyncio.timeout(20):
                    await test(outlet, theirs)
            finally:
                outlet.close()

    asyncio.run(whole())


def test_a_frame_arrives_whole_whatever_the_kernel_takes_at_once() -> None:
    async def test(outlet: SocketOutlet, theirs: socket.socket) -> None:
        loop, whole = asyncio.get_running_loop(), b"".join(PIECES)
        writing = asyncio.create_task(outlet.write(PIECES, 10))
        await asyncio.sleep(0)
        assert not writing.done(), "the socket takes all of it: the test waits for nothing"
        received = bytearray()
        while len(received) < len(whole):
            received += await loop.sock_recv(theirs, 7001)
        await writing
        await outlet.write((b"the next ", b"", b"frame"), 10)
        received += await loop.sock_recv(theirs, 7001)
        assert bytes(received) == whole + b"the next frame"

    run(test)


def test_a_server_that_takes_no_bytes_is_waited_for_so_long_and_no_longer() -> None:
    async def test(outlet: SocketOutlet, theirs: socket.socket) -> None:
        with pytest.raises(TimeoutError):
            await outlet.write(PIECES, 0.01)

    run(test)


def test_who_waits_for_room_is_told_of_the_close() -> None:
    async def test(outlet: SocketOutlet, theirs: socket.socket) -> None:
        writing = asyncio.create_task(outlet.write(PIECES, 10))
        await asyncio.sleep(0)
        outlet.close()
        outlet.close()
        with pytest.raises(ConnectionError):
            await writing

    run(test)


def test_a_server_that_goes_while_it_is_waited_for_is_an_error() -> None:
    async def test(outlet: SocketOutlet, theirs: socket.socket) -> None:
        writing = asyncio.create_task(outlet.write(PIECES, 10))
        await asyncio.sleep(0)
        theirs.close()
        with pytest.raises(ConnectionError):
            await writing

    run(test)
