"""exporters/loki/client.py against a strict Loki of the test's own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from agent.log_destinations import LokiDestination
from agent.logs.chunk import Chunk, Delivered, Rejected, RetryAfter
from exporters.loki.client import LokiClient
from tests.http_peer import BAD, Answer, HttpPeer, Request, response, serve
from tests.log_entries import entry

WHO = {"container_name": "web", "container_id": "ab" * 32, "namespace": "shop"}


@dataclass
class Loki:
    """Keeps one of two entries with the same labels, time and text; refuses what is too old."""

    oldest_ns: int = 0
    metadata_allowed: bool = True
    kept: set[tuple[str, str, str]] = field(default_factory=set)
    tenants: set[str | None] = field(default_factory=set)

    async def answer(self, request: Request, writer: asyncio.StreamWriter) -> bytes:
        assert request.target == "/loki/api/v1/push"
        assert request.headers["content-type"] == "application/json"
        self.tenants.add(request.headers.get("x-scope-orgid"))
        refused = total = 0
        for stream in json.loads(request.body)["streams"]:
            assert stream["stream"], "a stream without labels"
            assert all(isinstance(value, str) for value in stream["stream"].values())
            for time, text, *metadata in stream["values"]:
                assert isinstance(time, str)
                assert isinstance(text, str)
                total += 1
                if metadata and not self.metadata_allowed:
                    return response(
                        400,
                        b"stream '{}' includes structured metadata, but this feature is disallowed."
                        b" Please see `limits_config.structured_metadata`",
                    )
                if int(time) < self.oldest_ns:
                    refused += 1
                else:
                    self.kept.add((json.dumps(stream["stream"], sort_keys=True), time, text))
        if refused:
            return response(400, f"too old\nuser 'x', total ignored: {refused} out of {total}"
                            .encode())  # fmt: skip
        return response(204)


def run(
    test: Callable[[LokiClient], Awaitable[None]], answer: Answer, **settings: object
) -> HttpPeer:
    async def whole(peer: HttpPeer) -> None:
        url = peer.url("/loki/api/v1/push")
        client = LokiClient(LokiDestination(url=url, **settings))  # type: ignore[arg-type]
        try:
            await test(client)
        finally:
            await client.close()

    return serve(whole, answer)


def chunk(client: LokiClient, *times: int) -> Chunk:
    entries = [entry(f"line {time}", time_ns=time) for time in times]
    return Chunk("a", (client.encoder(WHO).encode(entries),), len(times))


def test_what_is_kept_is_delivered_and_twice_is_once() -> None:
    loki = Loki()

    async def test(client: LokiClient) -> None:
        for _ in range(2):
            assert await client.send(chunk(client, 1, 2, 3)) == Delivered()

    peer = run(test, loki.answer, tenant="team-a")
    assert len(loki.kept) == 3
    assert loki.tenants == {"team-a"}
    assert peer.requests[0].headers["content-encoding"] == "gzip"


def test_without_a_tenant_no_header_is_sent() -> None:
    loki = Loki()

    async def test(client: LokiClient) -> None:
        await client.send(chunk(client, 1))

    run(test, loki.answer)
    assert loki.tenants == {None}


def test_what_is_refused_is_counted_and_the_rest_is_kept() -> None:
    loki = Loki(oldest_ns=10)

    async def test(client: LokiClient) -> None:
        assert await client.send(chunk(client, 1, 2, 30)) == Rejected(2, "400 too old")

    run(test, loki.answer)
    assert len(loki.kept) == 1


def test_structured_metadata_that_is_not_allowed_is_a_setting_to_mend_and_no_loss() -> None:
    async def test(client: LokiClient) -> None:
        outcome = await client.send(chunk(client, 1))
        assert isinstance(outcome, RetryAfter)
        assert "structured_metadata = []" in outcome.reason

    run(test, Loki(metadata_allowed=False).answer)

    async def without(client: LokiClient) -> None:
        assert await client.send(chunk(client, 1)) == Delivered()

    run(without, Loki(metadata_allowed=False).answer, structured_metadata=())


def test_a_rate_limit_is_waited_for() -> None:
    async def busy(request: Request, writer: asyncio.StreamWriter) -> bytes:
        return response(429, b"ingestion rate limit exceeded", Retry_After="3")

    async def test(client: LokiClient) -> None:
        outcome = await client.send(chunk(client, 1))
        assert isinstance(outcome, RetryAfter)
        assert 2.5 < outcome.seconds <= 3
        assert outcome.reason == "429 ingestion rate limit exceeded"

    run(test, busy)


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_answer_is_a_retry(bad: str) -> None:
    async def test(client: LokiClient) -> None:
        outcome = await client.send(chunk(client, 1))
        assert isinstance(outcome, RetryAfter)
        assert outcome.reason

    run(test, BAD[bad], timeout=1.0)


def test_requests_go_one_after_another() -> None:
    running = 0

    async def slow(request: Request, writer: asyncio.StreamWriter) -> bytes:
        nonlocal running
        running += 1
        assert running == 1
        await asyncio.sleep(0.02)
        running -= 1
        return response(204)

    async def test(client: LokiClient) -> None:
        outcomes = await asyncio.gather(*(client.send(chunk(client, n)) for n in range(4)))
        assert outcomes == [Delivered()] * 4

    peer = run(test, slow)
    times = [json.loads(request.body)["streams"][0]["values"][0][0] for request in peer.requests]
    assert times == ["0", "1", "2", "3"]
