"""exporters/fluentd/client.py against a server in the same loop that does what the test says."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import msgpack

from agent.log_destinations import FluentdDestination
from agent.logs.chunk import Chunk, Delivered, Outcome, RetryAfter
from exporters.backoff import FIRST_WAIT, LONGEST_WAIT
from exporters.fluentd.client import ForwardClient

Answer = Callable[["Server", asyncio.StreamWriter, str], Awaitable[None]]


@dataclass
class Server:
    """Collects the ids of the chunks it gets and lets `answer` react to each."""

    answer: Answer
    received: list[str] = field(default_factory=list)
    connections: int = 0
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.writers.append(writer)
        unpacker = msgpack.Unpacker(raw=False)
        try:
            while data := await reader.read(65536):
                unpacker.feed(data)
                for message in unpacker:
                    self.received.append(message[2]["chunk"])
                    await self.answer(self, writer, message[2]["chunk"])
        except ConnectionError:
            pass
        finally:
            writer.close()


def ack(writer: asyncio.StreamWriter, chunk: str) -> None:
    writer.write(msgpack.packb({"ack": chunk}))


async def acknowledge(server: Server, writer: asyncio.StreamWriter, chunk: str) -> None:
    ack(writer, chunk)


async def say_nothing(server: Server, writer: asyncio.StreamWriter, chunk: str) -> None:
    pass


def chunk(name: str, size: int = 10) -> Chunk:
    return Chunk(name, (b"x" * size,), 1)


def run(
    answer: Answer, test: Callable[[ForwardClient, Server], Awaitable[None]], *,
    ack_timeout: float = 10.0,
) -> Server:  # fmt: skip
    server = Server(answer)

    async def whole() -> None:
        listener = await asyncio.start_server(server.handle, "127.0.0.1", 0)
        port = listener.sockets[0].getsockname()[1]
        config = FluentdDestination(port=port, ack_timeout=ack_timeout)
        client = ForwardClient(config, random=lambda: 0.0)
        try:
            async with asyncio.timeout(15):
                await test(client, server)
        finally:
            await client.close()
            listener.close()
            for writer in server.writers:
                writer.close()
            await asyncio.sleep(0)

    asyncio.run(whole())
    return server


async def send_all(client: ForwardClient, *names: str) -> list[Outcome]:
    return list(await asyncio.gather(*(client.send(chunk(name)) for name in names)))


def test_an_acknowledged_chunk_is_delivered() -> None:
    async def test(client: ForwardClient, server: Server) -> None:
        assert client.connected is None
        assert await client.send(chunk("a")) == Delivered()
        assert client.connected is True

    assert run(acknowledge, test).received == ["a"]


def test_many_chunks_are_in_flight_on_one_connection_and_matched_by_id() -> None:
    async def answer(server: Server, writer: asyncio.StreamWriter, name: str) -> None:
        if len(server.received) == 4:  # only now, and backwards
            for waiting in reversed(server.received):
                ack(writer, waiting)

    async def test(client: ForwardClient, server: Server) -> None:
        assert await send_all(client, "a", "b", "c", "d") == [Delivered()] * 4

    server = run(answer, test)
    assert server.received == ["a", "b", "c", "d"], "in their order"
    assert server.connections == 1


def test_a_large_frame_goes_out_whole_beside_others() -> None:
    async def test(client: ForwardClient, server: Server) -> None:
        outcomes = await asyncio.gather(
            *(client.send(chunk(f"c{number}", 2_000_000)) for number in range(4))
        )
        assert outcomes == [Delivered()] * 4

    run(acknowledge, test)


def test_without_an_ack_the_connection_is_closed_and_every_chunk_is_to_be_sent_again() -> None:
    async def test(client: ForwardClient, server: Server) -> None:
        outcomes = await send_all(client, "a", "b")
        assert [type(outcome) for outcome in outcomes] == [RetryAfter, RetryAfter]
        assert client.connected is False
        server.answer = acknowledge
        await asyncio.sleep(FIRST_WAIT)
        assert await client.send(chunk("a")) == Delivered()

    server = run(say_nothing, test, ack_timeout=0.1)
    assert server.connections == 2


def test_a_lost_connection_is_a_retry_with_its_reason() -> None:
    async def answer(server: Server, writer: asyncio.StreamWriter, name: str) -> None:
        writer.close()

    async def test(client: ForwardClient, server: Server) -> None:
        outcome = await client.send(chunk("a"))
        assert isinstance(outcome, RetryAfter)
        assert re.fullmatch(
            r"127\.0\.0\.1:\d+: the server closed the connection before any acknowledgement; "
            r"does it want TLS\?",
            outcome.reason,
        )
        assert 0 < outcome.seconds <= FIRST_WAIT

    run(answer, test)


def test_an_answer_that_is_no_ack_closes_the_connection() -> None:
    async def answer(server: Server, writer: asyncio.StreamWriter, name: str) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n")

    async def test(client: ForwardClient, server: Server) -> None:
        outcome = await client.send(chunk("a"))
        assert isinstance(outcome, RetryAfter)
        assert outcome.reason.endswith("an HTTP server answers; is this the port of Forward?")
        assert client.connected is False

    run(answer, test)


def test_a_connection_that_was_good_is_not_asked_about() -> None:
    async def answer(server: Server, writer: asyncio.StreamWriter, name: str) -> None:
        ack(writer, name)
        if name == "b":
            writer.transport.abort()

    async def test(client: ForwardClient, server: Server) -> None:
        assert await client.send(chunk("a")) == Delivered()
        await client.send(chunk("b"))
        outcome = await client.send(chunk("c"))
        if isinstance(outcome, RetryAfter):
            assert "?" not in outcome.reason

    run(answer, test)


def test_an_ack_nobody_waits_for_closes_the_connection() -> None:
    async def answer(server: Server, writer: asyncio.StreamWriter, name: str) -> None:
        ack(writer, "another chunk")

    async def test(client: ForwardClient, server: Server) -> None:
        outcome = await client.send(chunk("a"))
        assert isinstance(outcome, RetryAfter)
        assert "unknown chunk: 'another chunk'" in outcome.reason

    run(answer, test)


def test_while_it_backs_off_nothing_is_tried_and_the_wait_doubles_up_to_a_limit() -> None:
    async def test() -> None:
        listener = await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0)
        port = listener.sockets[0].getsockname()[1]
        listener.close()
        await listener.wait_closed()
        client = ForwardClient(FluentdDestination(port=port), random=lambda: 1.0)
        waits = []
        for _ in range(9):
            outcome = await client.send(chunk("a"))
            assert isinstance(outcome, RetryAfter)
            assert f"cannot connect to 127.0.0.1:{port}" in outcome.reason
            waits.append(round(outcome.seconds, 1))
            at_once = await client.send(chunk("b"))
            assert isinstance(at_once, RetryAfter)
            assert at_once.seconds <= outcome.seconds
            client._servers.all[0].backoff._not_before = 0.0  # the wait is over
        assert waits == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, LONGEST_WAIT, LONGEST_WAIT, LONGEST_WAIT]
        await client.close()

    asyncio.run(test())


def test_the_wait_begins_anew_only_after_an_ack() -> None:
    async def test(client: ForwardClient, server: Server) -> None:
        for _ in range(2):
            assert isinstance(await client.send(chunk("a")), RetryAfter)
            client._servers.all[0].backoff._not_before = 0.0
        assert client._servers.all[0].backoff._wait == 4 * FIRST_WAIT, (
            "connections were made, but nothing came of them"
        )
        server.answer = acknowledge
        assert await client.send(chunk("a")) == Delivered()
        assert client._servers.all[0].backoff._wait == FIRST_WAIT

    run(say_nothing, test, ack_timeout=0.05)


def test_twins_are_not_in_flight_together() -> None:
    async def test(client: ForwardClient, server: Server) -> None:
        first = asyncio.create_task(client.send(chunk("a")))
        while not server.received:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        assert isinstance(await client.send(chunk("a")), RetryAfter)
        ack(server.writers[0], "a")
        assert await first == Delivered()

    run(say_nothing, test)


def test_closing_leaves_nothing_open() -> None:
    async def test(client: ForwardClient, server: Server) -> None:
        waiting = asyncio.create_task(client.send(chunk("a")))
        while not server.received:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        await client.close()
        await client.close()
        assert isinstance(await waiting, RetryAfter)

    run(say_nothing, test)
