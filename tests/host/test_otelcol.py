"""A real OpenTelemetry collector gets every line, by OTLP and by Fluentd's Forward protocol."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.log_destinations import FluentdDestination, OtlpDestination
from tests.host.daemon import HostUnavailable
from tests.host.log_samples import POD_LOG, cri_file, docker_file, sample_rows
from tests.host.otelcol import Collector, Received
from tests.log_host import CONTAINER_ID, LogHost, Worker, wait_for

pytestmark = pytest.mark.host

LINES = 3000


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[Collector]:
    directory = tmp_path / "collector"
    directory.mkdir()
    try:
        made = Collector(directory)
    except HostUnavailable as error:
        pytest.skip(str(error))
    yield made
    made.stop()


@pytest.mark.parametrize("way", ["otlp", "forward", "forward gzip"])
def test_every_line_arrives_as_the_files_have_it(
    collector: Collector, tmp_path: Path, way: str
) -> None:
    rows = sample_rows(LINES, time.time_ns() - 60 * 10**9)
    host = LogHost(tmp_path / "host")
    log = host.add_container()
    pod = host.root / POD_LOG
    pod.parent.mkdir(parents=True)
    destination = (
        OtlpDestination(url=f"http://127.0.0.1:{collector.otlp_port}/v1/logs")
        if way == "otlp"
        else FluentdDestination(
            port=collector.forward_port, compression="gzip" if "gzip" in way else "none"
        )
    )
    with Worker(host.worker_input(destination), tmp_path / "errors") as worker:
        log.write_bytes(docker_file(rows))
        pod.write_bytes(cri_file(rows, "stderr"))

        def delivered() -> int:
            return worker.stats.destination.records if worker.stats is not None else 0

        wait_for(lambda: delivered() >= 2 * len(rows), 60, "the collector took all lines")
        assert worker.stats is not None
        assert worker.stats.destination.rejected == 0
        assert worker.stats.destination.retries == 0, worker.stats.destination.last_error
    wait_for(lambda: len(collector.records()) >= 2 * len(rows), 20, "all lines are in its file")

    received = collector.records()
    of_docker = [record for record in received if named(record, "stream", "log.iostream") != ""]
    assert len(of_docker) == len(received) == 2 * len(rows)
    for stream in ("stdout", "stderr"):
        stored = [
            (record.time_ns, record.body)
            for record in received
            if named(record, "stream", "log.iostream") == stream
        ]
        assert stored == rows, f"{stream}: every byte, in order"
    (docker,) = [record for record in received if record.body.startswith("0 GET")][:1]
    assert named(docker, "container_id", "container.id") in (CONTAINER_ID, "")


def named(record: Received, forward: str, otlp: str) -> str:
    """A field by the name that its protocol gives it."""
    return record.attributes.get(forward) or {**record.resource, **record.attributes}.get(otlp, "")
