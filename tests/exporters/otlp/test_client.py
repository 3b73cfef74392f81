"""exporters/otlp/client.py against a strict endpoint of the test's own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest

from agent.log_destinations import OtlpDestination
from agent.logs.chunk import Chunk, Delivered, Rejected, RetryAfter
from exporters.otlp.client import OtlpClient
from tests.http_peer import BAD, Answer, HttpPeer, Request, not_json, response, serve
from tests.log_entries import entry


def run(
    test: Callable[[OtlpClient], Awaitable[None]], answer: Answer, *, timeout: float = 5.0
) -> HttpPeer:
    async def whole(peer: HttpPeer) -> None:
        client = OtlpClient(OtlpDestination(url=peer.url("/v1/logs"), timeout=timeout))
        try:
            await test(client)
        finally:
            await client.close()

    return serve(whole, answer)


def chunk(client: OtlpClient, *containers: str) -> Chunk:
    """Two lines of each container."""
    payloads = [
        client.encoder({"container_name": name}).encode([entry(f"{name} 1"), entry(f"{name} 2")])
        for name in containers
    ]
    return Chunk("a", tuple(payloads), 2 * len(containers))


def say(status: int, body: bytes = b"", **headers: str) -> Answer:
    async def answer(request: Request, writer: asyncio.StreamWriter) -> bytes:
        return response(status, body, **headers)

    return answer


def bodies(peer: HttpPeer) -> list[list[str]]:
    """The texts of each request."""
    found = []
    for request in peer.requests:
        assert request.target == "/v1/logs"
        assert request.headers["content-type"] == "application/json"
        found.append([
            record["body"]["stringValue"]
            for resource in json.loads(request.body)["resourceLogs"]
            for scope in resource["scopeLogs"]
            for record in scope["logRecords"]
        ])  # fmt: skip
    return found


def test_a_200_is_delivered() -> None:
    async def test(client: OtlpClient) -> None:
        assert await client.send(chunk(client, "web", "db")) == Delivered()

    assert bodies(run(test, say(200, b"{}"))) == [["web 1", "web 2", "db 1", "db 2"]]


def test_what_a_partial_success_refuses_is_counted_and_never_sent_again() -> None:
    answer = b'{"partialSuccess":{"rejectedLogRecords":"1","errorMessage":"too old"}}'

    async def test(client: OtlpClient) -> None:
        assert await client.send(chunk(client, "web")) == Rejected(1, "too old")

    assert len(run(test, say(200, answer)).requests) == 1


@pytest.mark.parametrize("status", [401, 404, 429, 502, 503, 504])
def test_what_may_be_taken_later_is_a_retry(status: int) -> None:
    async def test(client: OtlpClient) -> None:
        outcome = await client.send(chunk(client, "web"))
        assert isinstance(outcome, RetryAfter)
        assert 6.5 < outcome.seconds <= 7
        assert outcome.reason == f"{status} later"

    run(test, say(status, b"later", Retry_After="7"))


@pytest.mark.parametrize("status", [400, 415, 500, 501])
def test_any_other_status_is_a_refusal_as_the_protocol_demands(status: int) -> None:
    async def test(client: OtlpClient) -> None:
        assert await client.send(chunk(client, "web", "db")) == Rejected(4, f"{status} no")

    run(test, say(status, b"no"))


def test_a_body_that_is_too_large_is_cut_between_containers() -> None:
    async def small(request: Request, writer: asyncio.StreamWriter) -> bytes:
        count = len(json.loads(request.body)["resourceLogs"])
        return response(413 if count > 2 or b'"huge"' in request.body else 200)

    async def test(client: OtlpClient) -> None:
        assert await client.send(chunk(client, "a", "b", "c", "d", "e")) == Delivered()
        assert await client.send(chunk(client, "a", "huge", "b")) == Rejected(2, "413")

    peer = run(test, small)
    assert bodies(peer)[1:3] == [["a 1", "a 2", "b 1", "b 2"], [
        "c 1", "c 2", "d 1", "d 2", "e 1", "e 2",
    ]]  # fmt: skip


def test_a_page_of_something_else_is_a_retry() -> None:
    async def test(client: OtlpClient) -> None:
        outcome = await client.send(chunk(client, "web"))
        assert isinstance(outcome, RetryAfter)
        assert "not JSON" in outcome.reason

    run(test, not_json)


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_answer_is_a_retry(bad: str) -> None:
    async def test(client: OtlpClient) -> None:
        outcome = await client.send(chunk(client, "web"))
        assert isinstance(outcome, RetryAfter)
        assert outcome.reason

    run(test, BAD[bad], timeout=1.0)
