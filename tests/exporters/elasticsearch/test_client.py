"""exporters/elasticsearch/client.py and dead_letters.py against a strict cluster of the test's."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from agent.log_destinations import ElasticsearchDestination
from agent.logs.chunk import Chunk, Delivered, Rejected, RetryAfter
from exporters.elasticsearch.client import BulkClient
from tests.exporters.elasticsearch.cluster import Cluster
from tests.http_peer import BAD, Answer, HttpPeer, Request, not_json, response, serve
from tests.log_entries import entry

WHO = {"container_name": "web", "container_id": "ab" * 32}
Test = Callable[[BulkClient], Awaitable[None]]


def run(
    test: Test, answer: Answer, tmp_path: Path, *, timeout: float = 5.0, **settings: str
) -> HttpPeer:
    async def whole(peer: HttpPeer) -> None:
        config = ElasticsearchDestination(
            urls=(peer.url("/"),),
            dead_letters=str(tmp_path / "dead.jsonl"),
            timeout=timeout,
            **settings,  # type: ignore[arg-type]
        )
        client = BulkClient(config)
        try:
            await test(client)
        finally:
            await client.close()

    return serve(whole, answer)


def chunk(client: BulkClient, count: int = 4, name: str = "a") -> Chunk:
    """Documents "line 0" …"""
    entries = [entry(f"line {number}", offset=str(number)) for number in range(count)]
    return Chunk(name, (client.encoder(WHO).encode(entries),), count)


def letters(tmp_path: Path) -> list[dict[str, object]]:
    path = tmp_path / "dead.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_what_is_stored_is_delivered_and_what_comes_twice_is_stored_once(tmp_path: Path) -> None:
    cluster = Cluster()

    async def test(client: BulkClient) -> None:
        assert await client.send(chunk(client)) == Delivered()
        # A worker that was killed cuts the same lines into other chunks.
        assert await client.send(chunk(client, 6, "another")) == Delivered()

    peer = run(test, cluster.answer, tmp_path)
    assert [one["message"] for one in cluster.stored.values()] == [f"line {n}" for n in range(6)]
    assert cluster.conflicts == 4
    assert peer.requests[0].headers["content-encoding"] == "gzip"
    assert letters(tmp_path) == []


def test_only_what_may_be_taken_later_is_sent_again(tmp_path: Path) -> None:
    busy = {"line 1": 429, "line 2": 503}
    cluster = Cluster(lambda document: busy.get(str(document["message"]), 201))

    async def test(client: BulkClient) -> None:
        outcome = await client.send(chunk(client))
        assert isinstance(outcome, RetryAfter)
        assert outcome.reason == "429 told so: by the test"
        assert 0.25 <= outcome.seconds <= 0.5
        busy.clear()
        assert await client.send(chunk(client)) == Delivered()
        assert client._progress == {}

    run(test, cluster.answer, tmp_path)
    assert cluster.sizes == [4, 2]
    assert cluster.conflicts == 0
    assert len(cluster.stored) == 4


def test_what_is_refused_for_good_is_counted_and_kept_with_the_reason(tmp_path: Path) -> None:
    said = {"line 1": 400, "line 2": 429}
    cluster = Cluster(lambda document: said.get(str(document["message"]), 201))

    async def test(client: BulkClient) -> None:
        assert isinstance(await client.send(chunk(client)), RetryAfter)
        del said["line 2"]
        assert await client.send(chunk(client)) == Rejected(1, "400 told so: by the test")

    run(test, cluster.answer, tmp_path)
    (letter,) = letters(tmp_path)
    document = letter["document"]
    assert isinstance(document, dict)
    assert (letter["status"], letter["error"]) == (400, "told so: by the test")
    assert document["message"] == "line 1"
    assert letter["action"] == {"create": {"_index": "logs-containers-default", "_id":
                                           letter["action"]["create"]["_id"]}}  # type: ignore[index]  # fmt: skip


def test_a_line_is_stored_without_the_fields_that_are_refused(tmp_path: Path) -> None:
    def verdict(document: dict[str, object]) -> int:
        if document["message"] == "line 2":
            return 400
        return 400 if "status" in document else 201

    cluster = Cluster(verdict)

    async def test(client: BulkClient) -> None:
        entries = [entry(f"line {number}", status="n/a") for number in range(3)] + [entry("plain")]
        payload = client.encoder(WHO).encode(entries)
        outcome = await client.send(Chunk("a", (payload,), 4))
        assert outcome == Rejected(1, "400 told so: by the test", 2)

    run(test, cluster.answer, tmp_path)
    assert cluster.sizes == [4, 3]
    stored = {one["message"]: one for one in cluster.stored.values()}
    assert set(stored) == {"line 0", "line 1", "plain"}
    assert stored["line 0"]["refused_fields"] == '{"status":"n/a"}'
    assert stored["line 0"]["container_name"] == "web"
    assert [letter["document"]["message"] for letter in letters(tmp_path)] == ["line 2"]  # type: ignore[index]


def test_delivered_says_how_many_went_without_fields(tmp_path: Path) -> None:
    cluster = Cluster(lambda document: 400 if "status" in document else 201)

    async def test(client: BulkClient) -> None:
        payload = client.encoder(WHO).encode([entry("a", status="n/a"), entry("b")])
        outcome = await client.send(Chunk("a", (payload,), 2))
        assert outcome == Delivered(1, "400 told so: by the test")

    run(test, cluster.answer, tmp_path)


def test_an_index_that_is_blocked_costs_no_line(tmp_path: Path) -> None:
    status = 403
    cluster = Cluster(lambda document: status)

    async def test(client: BulkClient) -> None:
        nonlocal status
        assert isinstance(await client.send(chunk(client)), RetryAfter)
        status = 201
        assert await client.send(chunk(client)) == Delivered()

    run(test, cluster.answer, tmp_path)
    assert letters(tmp_path) == []


def test_a_cluster_that_takes_a_part_each_time_is_not_waited_for_ever_longer(
    tmp_path: Path,
) -> None:
    taken: list[object] = []

    def verdict(document: dict[str, object]) -> int:
        taken.append(document["message"])
        return 201 if len(taken) % 5 == 0 else 429

    async def test(client: BulkClient) -> None:
        for _ in range(6):
            outcome = await client.send(chunk(client, 20))
            if outcome == Delivered():
                return
            assert isinstance(outcome, RetryAfter)
            assert outcome.seconds <= 0.5

    run(test, Cluster(verdict).answer, tmp_path)


def test_chunks_that_a_full_queue_refuses_together_are_one_failure(tmp_path: Path) -> None:
    cluster = Cluster(lambda document: 429)

    async def test(client: BulkClient) -> None:
        chunks = [chunk(client, 4, str(number)) for number in range(8)]
        outcomes = await asyncio.gather(*map(client.send, chunks))
        waits = [one.seconds for one in outcomes if isinstance(one, RetryAfter)]
        assert len(waits) == 8
        assert max(waits) <= 1.0

    run(test, cluster.answer, tmp_path)


def test_the_pipeline_is_asked_for(tmp_path: Path) -> None:
    async def test(client: BulkClient) -> None:
        await client.send(chunk(client))

    peer = run(test, not_json, tmp_path, pipeline="drop debug&x")
    assert peer.requests[0].target.endswith("&pipeline=drop%20debug%26x")


def test_dead_letters_that_cannot_be_kept_are_counted_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "dead.jsonl").mkdir()

    async def test(client: BulkClient) -> None:
        outcome = await client.send(chunk(client))
        assert isinstance(outcome, Rejected)
        assert outcome.records == 4
        assert "not kept in" in outcome.reason

    run(test, Cluster(lambda document: 400).answer, tmp_path)


def test_dead_letters_are_bounded(tmp_path: Path) -> None:
    async def test(client: BulkClient) -> None:
        for number in range(8):
            await client.send(chunk(client, 200, f"chunk {number}"))

    run(
        test, Cluster(lambda document: 400).answer, tmp_path,
        dead_letters_max_bytes=100_000,  # type: ignore[arg-type]
    )  # fmt: skip
    sizes = [path.stat().st_size for path in tmp_path.glob("dead.jsonl*")]
    assert len(sizes) == 2
    assert all(size <= 100_000 for size in sizes)


def test_a_body_that_is_too_large_is_cut_until_it_fits(tmp_path: Path) -> None:
    cluster = Cluster(most_bytes=700)

    async def test(client: BulkClient) -> None:
        assert await client.send(chunk(client, 16)) == Delivered()

    run(test, cluster.answer, tmp_path)
    assert [one["message"] for one in cluster.stored.values()] == [f"line {n}" for n in range(16)]


def test_one_document_that_is_too_large_alone_is_a_dead_letter(tmp_path: Path) -> None:
    cluster = Cluster(most_bytes=1000)

    async def test(client: BulkClient) -> None:
        lines = [entry("small"), entry("x" * 2000), entry("small too")]
        payload = client.encoder(WHO).encode(lines)
        assert await client.send(Chunk("a", (payload,), 3)) == Rejected(1, "413 too large")

    run(test, cluster.answer, tmp_path)
    assert [one["message"] for one in cluster.stored.values()] == ["small", "small too"]
    assert [letter["status"] for letter in letters(tmp_path)] == [413]


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_answer_is_a_retry_and_nothing_is_lost(bad: str, tmp_path: Path) -> None:
    async def test(client: BulkClient) -> None:
        outcome = await client.send(chunk(client))
        assert isinstance(outcome, RetryAfter)
        assert outcome.reason

    run(test, BAD[bad], tmp_path, timeout=1.0)
    assert letters(tmp_path) == []


def test_a_page_of_something_else_is_a_retry(tmp_path: Path) -> None:
    async def test(client: BulkClient) -> None:
        outcome = await client.send(chunk(client))
        assert isinstance(outcome, RetryAfter)
        assert "which is no answer of the bulk API" in outcome.reason

    run(test, not_json, tmp_path)


def test_a_wrong_key_is_a_retry_until_it_is_right(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("wrong\n")
    cluster = Cluster()

    async def guard(request: Request, writer: asyncio.StreamWriter) -> bytes:
        if request.headers["authorization"] != "ApiKey right":
            return response(401, b"who are you?")
        return await cluster.answer(request, writer)

    async def test(client: BulkClient) -> None:
        outcome = await client.send(chunk(client))
        assert isinstance(outcome, RetryAfter)
        assert outcome.reason == "401 who are you?"
        await asyncio.to_thread(key.write_text, "right\n")
        await asyncio.sleep(outcome.seconds)
        assert await client.send(chunk(client)) == Delivered()

    run(test, guard, tmp_path, api_key_file=str(key))
