"""Graylog's own library decodes what a real log worker sends, by UDP in chunks and by TCP."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.log_destinations import GraylogDestination
from tests.host.daemon import HostUnavailable
from tests.host.gelf import GelfReader
from tests.host.log_samples import POD_LOG, Rows, cri_file, docker_file, sample_rows
from tests.log_host import CONTAINER_ID, LogHost, Worker, wait_for

pytestmark = pytest.mark.host


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[GelfReader]:
    directory = tmp_path / "gelf"
    directory.mkdir()
    try:
        made = GelfReader(directory)
    except HostUnavailable as error:
        pytest.skip(str(error))
    yield made
    made.stop()


@pytest.mark.parametrize(
    ("by", "count", "gzip"), [("tcp", 3000, True), ("udp", 15, True), ("udp", 15, False)]
)
def test_every_line_is_decoded_as_the_files_have_it(
    reader: GelfReader, tmp_path: Path, by: str, count: int, gzip: bool
) -> None:
    """Few by UDP: what does not fit into the receiver's buffer is lost, as there is no answer."""
    rows = sample_rows(count, time.time_ns() - 60 * 10**9)
    rows = [row for row in rows if gzip or len(row[1]) < 50_000]
    if by == "udp":  # 15 datagrams, compressed or not
        noise = random.Random(1).randbytes(10_000).hex()
        rows.append((rows[-1][0] + 1000, noise))
    host = LogHost(tmp_path / "host")
    log = host.add_container()
    pod = host.root / POD_LOG
    pod.parent.mkdir(parents=True)
    destination = GraylogDestination(url=reader.urls[by], gzip=gzip, host_name="node-1")
    with Worker(host.worker_input(destination), tmp_path / "errors"):
        log.write_bytes(docker_file(rows))
        pod.write_bytes(cri_file(rows, "stderr"))
        wait_for(lambda: len(reader.messages()) >= 2 * len(rows), 30, "all lines are decoded")

    received = reader.messages()
    for stream, level in (("stdout", 6), ("stderr", 3)):
        stored = [one for one in received if one.extra["_stream"] == stream]
        assert [one.text for one in stored] == blank_as_dash(rows)
        assert {(one.host, one.level) for one in stored} == {("node-1", level)}
        for one, (time_ns, _line) in zip(stored, rows, strict=True):
            assert one.seconds == pytest.approx(time_ns / 1e9, abs=1e-6)
    (docker,) = [one for one in received if one.text.startswith("0 ") and one.level == 6]
    assert (docker.extra["_container_name"], docker.extra["_container_id"]) == ("web", CONTAINER_ID)
    (cri,) = [one for one in received if one.text.startswith("0 ") and one.level == 3]
    assert (cri.extra["_namespace"], cri.extra["_pod"]) == ("shop", "web-5f7d")


def blank_as_dash(rows: Rows) -> list[str]:
    """Graylog takes no message without a text."""
    return [line or "-" for _time, line in rows]
