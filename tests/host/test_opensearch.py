"""A real OpenSearch takes what a real log worker ships: once, whole, and whatever happens to it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import orjson
import pytest

from agent.log_destinations import ElasticsearchDestination
from agent.logs.stats import DestinationCounters
from tests.host.daemon import HostUnavailable
from tests.host.http_proxy import HttpProxy
from tests.host.log_samples import POD_LOG, Rows, cri_file, docker_file, sample_rows
from tests.host.opensearch import OpenSearch, Stored
from tests.log_host import CONTAINER_ID, ROOT, LogHost, Worker, wait_for

pytestmark = pytest.mark.host

LINES = 1500
NOON = 1_795_521_600
"""2026-11-24T12:00:00Z."""
TEMPLATE = ROOT / "deploy/elasticsearch/index-template.json"


@pytest.fixture(scope="module")
def server(host_directory: Path) -> Iterator[OpenSearch]:
    directory = host_directory / "opensearch"
    directory.mkdir()
    # A small one: with one thread for writes, and one request that may wait for it.
    settings = {
        "http.max_content_length": "200kb",
        "node.processors": "1",
        "thread_pool.write.queue_size": "1",
    }
    try:
        made = OpenSearch(directory, settings)
    except HostUnavailable as error:
        pytest.skip(str(error))
    template = json.loads(TEMPLATE.read_text())
    # A request is a task for each shard: one is done, one waits, the others are refused.
    template["template"]["settings"]["number_of_shards"] = 6
    made.done("PUT", "_index_template/logs-containers", template)
    yield made
    made.stop()


@pytest.fixture
def host(tmp_path: Path) -> LogHost:
    return LogHost(tmp_path / "host")


Ship = Callable[..., Worker]


@pytest.fixture
def ship(server: OpenSearch, host: LogHost, tmp_path: Path) -> Ship:
    """A log worker to the server; options are the destination's, and `rules`."""

    def made(rules: Mapping[str, object] | None = None, **options: object) -> Worker:
        options = {
            "urls": (server.url,),
            "dead_letters": str(tmp_path / "dead.jsonl"),
            **options,
        }
        destination = ElasticsearchDestination(**options)  # type: ignore[arg-type]
        given = orjson.loads(host.worker_input(destination))
        if rules is not None:
            given["logs"]["processing"] = [{"container": "*", **rules}]
        return Worker(orjson.dumps(given), tmp_path / "errors")

    return made


def settled(worker: Worker, records: int) -> DestinationCounters:
    """Wait until so many records are delivered or refused."""

    def count() -> int:
        found = worker.stats.destination if worker.stats is not None else None
        return found.records + found.rejected if found is not None else 0

    wait_for(lambda: count() >= records, 60, f"{records} records were answered")
    assert worker.stats is not None
    assert count() == records
    return worker.stats.destination


def failed(worker: Worker, reason: str) -> bool:
    """Whether its last error begins like that."""
    return worker.stats is not None and worker.stats.destination.last_error.startswith(reason)


def texts(documents: list[Stored], stream: str = "stdout") -> Rows:
    """Time and text of the documents of one stream, in their order."""
    return [
        (nanoseconds(str(one.source["@timestamp"])), str(one.source["message"]))
        for one in documents
        if one.source.get("stream") == stream
    ]


def nanoseconds(stamp: str) -> int:
    seconds, _, fraction = stamp.removesuffix("Z").partition(".")
    whole = time.strptime(f"{seconds} UTC", "%Y-%m-%dT%H:%M:%S %Z")
    return int(time.mktime(whole) - time.timezone) * 10**9 + int(fraction)


def rows(count: int) -> Rows:
    """Lines that are hard to carry; the longest alone is nearly all that the server takes."""
    return sample_rows(count, time.time_ns() - 60 * 10**9)


def simple(log: Path, *lines: str) -> None:
    now = time.time_ns()
    log.write_bytes(docker_file([(now + number, line) for number, line in enumerate(lines)]))


def test_every_line_is_in_the_data_stream_once_whole_and_in_order_though_the_queue_is_full(
    server: OpenSearch, host: LogHost, ship: Ship
) -> None:
    written = rows(LINES)
    pod = host.root / POD_LOG
    pod.parent.mkdir(parents=True)
    host.add_container().write_bytes(docker_file(written))
    pod.write_bytes(cri_file(written, "stderr"))
    with ship() as worker:
        found = settled(worker, 2 * LINES)
    assert found.rejected == 0
    assert found.retries > 0
    assert found.last_error.startswith("429 rejected_execution_exception")
    stored = server.stored("logs-containers-default")
    assert {one.index for one in stored} == {".ds-logs-containers-default-000001"}
    assert texts(stored, "stdout") == texts(stored, "stderr") == written
    docker, cri = (
        next(one.source for one in stored if one.source["stream"] == stream)
        for stream in ("stdout", "stderr")
    )
    assert (docker["container_name"], docker["container_id"]) == ("web", CONTAINER_ID)
    assert (cri["namespace"], cri["pod"]) == ("shop", "web-5f7d")
    assert server.types("logs-containers-default") == {
        "@timestamp": "date_nanos", "message": "text", "offset": "long",
        **dict.fromkeys(("stream", "container_name", "container_id", "image"), "keyword"),
        **dict.fromkeys(("namespace", "pod", "pod_uid", "runtime"), "keyword"),
    }  # fmt: skip


def test_lines_that_are_refused_are_dead_letters_and_all_others_are_stored(
    server: OpenSearch, host: LogHost, ship: Ship, tmp_path: Path
) -> None:
    """By the server, since a request of one line is too large; by the index, as too long a word."""
    mappings = {"properties": {"message": {"type": "keyword"}}}
    server.done("PUT", "refused", {"mappings": mappings})
    small = [f"{number} {'x' * 1000}" for number in range(900)]  # 5 times what a request may have
    simple(host.add_container(), *small, "y" * 240_000, "z" * 40_000, "last")
    with ship(index="refused") as worker:
        found = settled(worker, 903)
    assert (found.rejected, found.retries) == (2, 0)
    assert [text for _time, text in texts(server.stored("refused"))] == [*small, "last"]
    letters = [json.loads(line) for line in (tmp_path / "dead.jsonl").read_text().splitlines()]
    refused = {letter["document"]["message"][0]: letter for letter in letters}
    assert (len(letters), refused["y"]["status"], refused["z"]["status"]) == (2, 413, 400)
    assert "Document contains at least one immense term" in refused["z"]["error"]


def test_what_is_sent_twice_is_stored_once(server: OpenSearch, host: LogHost, ship: Ship) -> None:
    written = rows(1000)
    host.add_container().write_bytes(docker_file(written))
    with (
        HttpProxy(server.url, lost_answers=1) as proxy,
        ship(urls=(proxy.url,), index="twice") as worker,
    ):
        assert settled(worker, len(written)).retries >= 1
    assert proxy.lost == 1
    assert texts(server.stored("twice")) == written
    # A worker that knows of nothing, and makes other chunks of the same lines.
    for checkpoint in host.state.glob("logs-*.json"):
        checkpoint.unlink()
    with ship(index="twice", chunk_bytes=64 << 10, gzip=False) as worker:
        assert settled(worker, len(written)).rejected == 0
    assert texts(server.stored("twice")) == written


def test_an_index_that_is_blocked_is_waited_for(
    server: OpenSearch, host: LogHost, ship: Ship, tmp_path: Path
) -> None:
    log = host.add_container()
    log.touch()
    index = f"blocked-{time.strftime('%Y.%m.%d', time.gmtime(NOON))}"
    server.done("PUT", index)
    flood = "index.blocks.read_only_allow_delete"  # set by a server whose disk is nearly full
    with ship(index="blocked-{date}") as worker:
        for number, (block, reason) in enumerate(
            (
                (flood, "429 cluster_block_exception"),
                ("index.blocks.write", "403 cluster_block_exception"),
            )
        ):
            server.set(index, block, True)
            with log.open("ab") as more:
                more.write(docker_file([(NOON * 10**9 + number, reason)]))
            wait_for(partial(failed, worker, reason), 20, reason)
            server.set(index, block, None)
            assert settled(worker, number + 1).rejected == 0
    assert [text[:3] for _time, text in texts(server.stored(index))] == ["429", "403"]
    assert not (tmp_path / "dead.jsonl").exists()


def test_a_server_that_is_killed_in_the_midst_loses_nothing(
    server: OpenSearch, host: LogHost, ship: Ship
) -> None:
    written = rows(LINES)
    log = host.add_container()
    log.write_bytes(docker_file(written[:1000]))
    with ship(index="killed", chunk_bytes=64 << 10) as worker:
        wait_for(
            lambda: worker.stats is not None and worker.stats.destination.records > 0,
            30, "some are stored",
        )  # fmt: skip
        server.kill()
        with log.open("ab") as more:
            more.write(docker_file(written[1000:]))
        wait_for(
            lambda: worker.stats is not None and worker.stats.destination.connected is False,
            30, "its death is noticed",
        )  # fmt: skip
        server.start()
        assert settled(worker, LINES).rejected == 0
    assert texts(server.stored("killed")) == written


def test_a_line_whose_fields_do_not_fit_is_stored_all_the_same(
    server: OpenSearch, host: LogHost, ship: Ship, tmp_path: Path
) -> None:
    bodies = [
        '{"msg":"first","status":200,"user":{"id":7},"at":"2026-11-24"}',
        '{"msg":"text for a number","status":"n/a"}',
        '{"msg":"a value for an object","user":"me"}',
        '{"msg":"no date","at":"soon"}',
        '{"msg":"no name","":1}',
        '{"msg":"a value and an object","a":1,"a.b":2}',
        '{"msg":"the index itself","_id":"x"}',
        '{"msg":"infinite","f":1.5e300}',
        '{"msg":"last","status":404,"user":{"id":8}}',
    ]
    simple(host.add_container(), *bodies)
    with ship({"json": "flat"}, index="fields") as worker:
        found = settled(worker, len(bodies))
    assert (found.rejected, found.fields_refused) == (0, 6)
    assert not (tmp_path / "dead.jsonl").exists()
    stored = {str(one.source["message"]): one.source for one in server.stored("fields")}
    assert set(stored) == set(bodies)
    assert (stored[bodies[-1]]["status"], stored[bodies[-1]]["user.id"]) == (404, 8)
    whole = stored[bodies[1]]
    assert json.loads(str(whole["refused_fields"])) == {"msg": "text for a number", "status": "n/a"}
    assert str(whole["refused_reason"]).startswith("mapper_parsing_exception: failed to parse")
    assert whole["container_name"] == "web"


def test_common_schema_an_ingest_pipeline_and_a_login(
    server: OpenSearch, host: LogHost, ship: Ship, tmp_path: Path
) -> None:
    pod = host.root / POD_LOG
    pod.parent.mkdir(parents=True)
    pod.write_bytes(cri_file([(time.time_ns(), '{"level":"error","order":{"id":7}}')], "stderr"))
    password = tmp_path / "password"
    password.write_text("right\n")
    login = {"username": "shipper", "password_file": str(password)}
    rules = {"json": "flat", "level": "on"}
    with (
        HttpProxy(server.url, login="shipper:right") as proxy,
        ship(rules, urls=(proxy.url,), index="e", schema="ecs", pipeline="lost", **login) as worker,
    ):
        wait_for(
            lambda: failed(worker, "400 illegal_argument_exception: pipeline with id [lost]"),
            20, "the pipeline is missed",
        )  # fmt: skip
        server.done("PUT", "_ingest/pipeline/lost", {"processors": []})
        assert settled(worker, 1).fields_refused == 0
    assert proxy.refused == 0
    (one,) = server.stored("e")
    assert one.source["kubernetes"] == {
        "namespace": "shop",
        "container": {"name": "web"},
        "pod": {"name": "web-5f7d", "uid": "0b3c8d1e-0000-4000-8000-000000000001"},
    }
    assert one.source["log"] == {"level": "error", "offset": 0}
    assert one.source["order"] == {"id": 7}
