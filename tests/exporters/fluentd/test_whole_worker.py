"""A log worker as a process, with each way to encode and to compress, to the strict receiver."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.log_destinations import FluentdDestination
from exporters.fluentd import blocks
from exporters.fluentd.forward import Compression
from tests.docker_log_writer import docker_line
from tests.log_host import LogHost, Receiver, Worker, wait_for

LINES = 20_000


def unusual(number: int, line: bytes) -> bytes:
    """Now and then a line that goes the exact way: with attrs, or a key in another place."""
    if number % 997 == 5:
        return line.replace(b',"time"', b',"attrs":{"team":"shop"},"time"')
    return line


@pytest.mark.parametrize("compression", ["none", "gzip", "zstd"])
@pytest.mark.parametrize("native", [False, True])
def test_every_line_arrives_once_and_in_order(
    tmp_path: Path, compression: Compression, native: bool
) -> None:
    if native and blocks._native is None:
        pytest.skip("exporters/fluentd/_blocks.c is not compiled here")
    host = LogHost(tmp_path / "host")
    log = host.add_container()
    with Receiver(tmp_path / "received") as receiver:
        destination = FluentdDestination(
            port=receiver.port,
            compression=compression,
            chunk_bytes=100_000,
        )
        environment = {"AGENT_LOGS_NATIVE": str(int(native))}
        with Worker(host.worker_input(destination), tmp_path / "errors", environment) as worker:
            wait_for(lambda: worker.stats is not None, 10, "the worker runs")
            with log.open("ab") as file:
                file.writelines(
                    unusual(number, docker_line(number, 1_795_490_176_000_000_000 + number * 977))
                    for number in range(LINES)
                )

            def delivered() -> bool:
                return worker.stats is not None and worker.stats.destination.records >= LINES

            wait_for(delivered, 30, "all lines are acknowledged")
            assert worker.stop() == 0
            assert worker.stats is not None
            assert worker.stats.worker.native is native
            (container,) = worker.stats.containers
            assert (container.lines, container.bytes) == (LINES, log.stat().st_size)
            assert container.lag_bytes == 0
            assert worker.stats.destination.bytes > 0
        assert [number for _chunk, found in receiver.chunks() for number in found] == list(
            range(LINES)
        )
