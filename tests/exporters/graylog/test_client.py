"""exporters/graylog/{client,tcp,udp}.py against inputs of the test's own."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import zlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from agent.log_destinations import GraylogDestination
from agent.logs.chunk import Chunk, Delivered, Destination, Rejected, RetryAfter
from exporters.graylog.client import graylog
from exporters.graylog.tcp import unacknowledged
from tests.agent.web.certificates import Authority
from tests.http_peer import BAD, Answer, HttpPeer, Request, response, serve
from tests.log_entries import entry

WHO = {"container_name": "web", "container_id": "ab" * 32}


def chunk(client: Destination, *texts: str, name: str = "a") -> Chunk:
    return Chunk(name, (client.encoder(WHO).encode([entry(text) for text in texts]),), len(texts))


def texts(raw: list[bytes]) -> list[str]:
    return [json.loads(one)["short_message"] for one in raw]


# HTTP


def over_http(
    test: Callable[[Destination], Awaitable[None]],
    answer: Answer,
    *,
    timeout: float = 5.0,
    bulk: bool = False,
) -> HttpPeer:
    async def whole(peer: HttpPeer) -> None:
        config = GraylogDestination(url=peer.url("/gelf"), timeout=timeout, bulk=bulk)
        client = graylog(config)
        try:
            await test(client)
        finally:
            await client.close()

    return serve(whole, answer)


async def accepted(request: Request, writer: asyncio.StreamWriter) -> bytes:
    assert json.loads(request.body)["version"] == "1.1"
    return response(202)


def test_each_message_is_a_request_and_a_202_delivers_it() -> None:
    lines = [f"line {number}" for number in range(20)]

    async def test(client: Destination) -> None:
        assert await client.send(chunk(client, *lines)) == Delivered()

    peer = over_http(test, accepted)
    assert sorted(texts([request.body for request in peer.requests])) == sorted(lines)


def test_only_messages_that_were_not_taken_are_sent_again() -> None:
    busy = {"line 3"}

    async def answer(request: Request, writer: asyncio.StreamWriter) -> bytes:
        return response(503 if json.loads(request.body)["short_message"] in busy else 202)

    async def test(client: Destination) -> None:
        lines = [f"line {number}" for number in range(6)]
        outcome = await client.send(chunk(client, *lines))
        assert isinstance(outcome, RetryAfter)
        busy.clear()
        await asyncio.sleep(outcome.seconds)
        assert await client.send(chunk(client, *lines)) == Delivered()

    peer = over_http(test, answer)
    sent = texts([request.body for request in peer.requests])
    assert sorted(set(sent)) == [f"line {number}" for number in range(6)]
    assert len(sent) == 7


def test_a_message_that_is_refused_is_counted_alone() -> None:
    async def answer(request: Request, writer: asyncio.StreamWriter) -> bytes:
        bad = json.loads(request.body)["short_message"] == "bad"
        return response(400, b"no") if bad else response(202)

    async def test(client: Destination) -> None:
        assert await client.send(chunk(client, "a", "bad", "c")) == Rejected(1, "400 no")

    over_http(test, answer)


def test_in_bulk_a_chunk_is_a_request_and_goes_one_by_one_where_it_is_refused() -> None:
    async def answer(request: Request, writer: asyncio.StreamWriter) -> bytes:
        lines = texts(request.body.split(b"\n"))
        return response(400, b"no") if "bad" in lines else response(202)

    async def test(client: Destination) -> None:
        assert await client.send(chunk(client, "a", "b\nb", "c")) == Delivered()
        assert await client.send(chunk(client, "d", "bad")) == Rejected(1, "400 no")

    peer = over_http(test, answer, bulk=True)
    sent = [texts(request.body.split(b"\n")) for request in peer.requests]
    assert sent[:2] == [["a", "b\nb", "c"], ["d", "bad"]]
    assert sorted(sent[2:]) == [["bad"], ["d"]]


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_answer_is_a_retry(bad: str) -> None:
    async def test(client: Destination) -> None:
        outcome = await client.send(chunk(client, "a"))
        assert isinstance(outcome, RetryAfter)
        assert outcome.reason

    over_http(test, BAD[bad], timeout=1.0)


# TCP


class TcpInput:
    """Splits at NUL. `reads` off: takes connections and no byte."""

    def __init__(self, *, reads: bool = True) -> None:
        self.reads = reads
        self.messages: list[bytes] = []
        self.connections = 0
        self.port = 0
        self._listener: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []

    async def listen(self, context: ssl.SSLContext | None = None) -> None:
        self._listener = await asyncio.start_server(
            self._handle, "127.0.0.1", self.port, ssl=context, limit=4096
        )
        self.port = self._listener.sockets[0].getsockname()[1]

    async def die(self) -> None:
        assert self._listener is not None
        self._listener.close()
        self.drop()
        await asyncio.sleep(0)

    def drop(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        rest = b""
        if not self.reads:
            writer.transport.pause_reading()  # type: ignore[attr-defined]
            return
        try:
            while data := await reader.read(65536):
                *whole, rest = (rest + data).split(b"\0")
                self.messages += whole
        except (ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.transport.abort()


def over_tcp(
    test: Callable[[Destination], Awaitable[None]],
    peer: TcpInput,
    *,
    context: ssl.SSLContext | None = None,
    **settings: object,
) -> None:
    async def whole() -> None:
        await peer.listen(context)
        scheme = "tls" if context else "tcp"
        config = GraylogDestination(
            url=f"{scheme}://127.0.0.1:{peer.port}",
            **{"timeout": 5.0, **settings},  # type: ignore[arg-type]
        )
        client = graylog(config)
        try:
            async with asyncio.timeout(20):
                await test(client)
        finally:
            await client.close()
            await peer.die()
            await asyncio.sleep(0.01)

    asyncio.run(whole())


async def arrived(peer: TcpInput, count: int) -> list[str]:
    while len(peer.messages) < count:  # noqa: ASYNC110 what is waited for is not an event
        await asyncio.sleep(0.001)
    return texts(peer.messages)


def test_messages_end_with_nul_and_are_delivered_when_the_other_host_has_them() -> None:
    peer = TcpInput()

    async def test(client: Destination) -> None:
        assert client.connected is None
        lines = [f"line {number} " + "x" * 1000 for number in range(500)]
        assert await client.send(chunk(client, *lines)) == Delivered()
        assert await arrived(peer, 500) == lines
        assert client.connected is True

    over_tcp(test, peer)
    assert peer.connections == 1


def test_a_server_that_takes_no_bytes_is_a_retry() -> None:
    async def test(client: Destination) -> None:
        outcome = await client.send(chunk(client, *["x" * 200_000] * 100))
        assert isinstance(outcome, RetryAfter)
        assert "takes no bytes for 1 s" in outcome.reason
        assert client.connected is False

    over_tcp(test, TcpInput(reads=False), timeout=1.0)


def test_a_server_that_comes_back_is_connected_to_anew() -> None:
    peer = TcpInput()

    async def test(client: Destination) -> None:
        await client.send(chunk(client, "a"))
        await arrived(peer, 1)
        await peer.die()
        await asyncio.sleep(0.05)
        outcome = await client.send(chunk(client, "b"))
        assert isinstance(outcome, RetryAfter)
        assert f"127.0.0.1:{peer.port}" in outcome.reason
        await peer.listen()
        await asyncio.sleep(outcome.seconds)
        assert await client.send(chunk(client, "b")) == Delivered()
        assert await arrived(peer, 2) == ["a", "b"]

    over_tcp(test, peer)


def test_tls_goes_the_same_way(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    theirs = authority.issue("server", "IP:127.0.0.1")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(theirs.cert, theirs.key)
    peer = TcpInput()

    async def test(client: Destination) -> None:
        assert await client.send(chunk(client, "a")) == Delivered()
        assert await arrived(peer, 1) == ["a"]

    over_tcp(test, peer, context=context, ca_file=str(authority.own.cert))


def test_a_certificate_that_is_not_trusted_is_a_retry(tmp_path: Path) -> None:
    theirs = Authority(tmp_path / "ca").issue("server", "IP:127.0.0.1")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(theirs.cert, theirs.key)

    async def test(client: Destination) -> None:
        outcome = await client.send(chunk(client, "a"))
        assert isinstance(outcome, RetryAfter)
        assert "certificate verify failed" in outcome.reason

    over_tcp(test, TcpInput(), context=context)


def test_bytes_no_kernel_has_acknowledged_are_counted() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        with socket.create_connection(listener.getsockname()) as sock:
            assert unacknowledged(sock) == 0
            sock.setblocking(False)
            sent = sock.send(b"x" * 10_000_000)
            assert 0 < unacknowledged(sock) <= sent


# UDP


class UdpInput(asyncio.DatagramProtocol):
    """Puts pieces together as a server does."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []
        self.sizes: list[int] = []
        self._pieces: dict[bytes, dict[int, bytes]] = {}

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.sizes.append(len(data))
        if data[:2] == b"\x1e\x0f":
            pieces = self._pieces.setdefault(data[2:10], {})
            pieces[data[10]] = data[12:]
            if len(pieces) < data[11]:
                return
            data = b"".join(pieces[number] for number in range(data[11]))
        self.messages.append(zlib.decompress(data) if data[:1] == b"\x78" else data)


def over_udp(
    test: Callable[[Destination, UdpInput], Awaitable[None]], **settings: object
) -> UdpInput:
    peer = UdpInput()

    async def whole() -> None:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(
            lambda: peer, local_addr=("127.0.0.1", 0)
        )
        transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_RCVBUF, 1024 * 1024
        )
        port = transport.get_extra_info("sockname")[1]
        config = GraylogDestination(url=f"udp://127.0.0.1:{port}", **settings)  # type: ignore[arg-type]
        client = graylog(config)
        try:
            async with asyncio.timeout(20):
                await test(client, peer)
        finally:
            await client.close()
            transport.close()
            await asyncio.sleep(0.01)

    asyncio.run(whole())
    return peer


@pytest.mark.parametrize("gzip", [True, False])
def test_messages_go_as_datagrams_large_ones_in_pieces(gzip: bool) -> None:
    # Digits that zlib does not make small.
    large = "".join(str(number * 2_654_435_761 % 10**9) for number in range(2000))

    async def test(client: Destination, peer: UdpInput) -> None:
        assert await client.send(chunk(client, "small", large)) == Delivered()
        while len(peer.messages) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.001)

    peer = over_udp(test, gzip=gzip)
    assert texts(peer.messages) == ["small", large]
    assert max(peer.sizes) == 1420
    assert len(peer.sizes) > 5


def test_a_closed_port_is_a_retry_and_what_went_before_is_not_sent_twice() -> None:
    async def whole() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind(("127.0.0.1", 0))
            port = other.getsockname()[1]
        client = graylog(GraylogDestination(url=f"udp://127.0.0.1:{port}"))
        outcome = await client.send(chunk(client, *"abcdef"))
        if outcome == Delivered():  # the first refusal comes with the next datagram
            outcome = await client.send(chunk(client, *"abcdef", name="b"))
        assert isinstance(outcome, RetryAfter)
        assert "Connection refused" in outcome.reason
        await client.close()

    asyncio.run(whole())


def test_a_line_no_128_datagrams_hold_is_cut_and_arrives() -> None:
    async def test(client: Destination, peer: UdpInput) -> None:
        line = "".join(chr(33 + number * 2_654_435_761 // 977 % 90) for number in range(200_000))
        assert await client.send(chunk(client, line)) == Delivered()
        while not peer.messages:  # noqa: ASYNC110
            await asyncio.sleep(0.001)

    peer = over_udp(test, datagram_bytes=512, gzip=False)
    message = json.loads(peer.messages[0])
    assert message["_note"] == "cut"
    assert 30_000 < len(message["short_message"]) < 128 * 500
