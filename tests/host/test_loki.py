"""A real Loki takes what a real log worker pushes, and gives every byte of it back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.log_destinations import LokiDestination
from tests.host.daemon import HostUnavailable
from tests.host.log_samples import POD_LOG, cri_file, docker_file, sample_rows
from tests.host.loki import Loki
from tests.log_host import CONTAINER_ID, LogHost, Worker, wait_for

pytestmark = pytest.mark.host

LINES = 5000
DAY = 86_400 * 10**9


@pytest.fixture(scope="module")
def loki(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loki]:
    try:
        made = Loki(tmp_path_factory.mktemp("loki"))
    except HostUnavailable as error:
        pytest.skip(str(error))
    yield made
    made.stop()


def test_every_line_comes_back_as_the_files_have_it(loki: Loki, tmp_path: Path) -> None:
    now = time.time_ns()
    began = now - 60 * 10**9
    rows = sample_rows(LINES, began)
    host = LogHost(tmp_path / "host")
    log = host.add_container()
    pod = host.root / POD_LOG
    pod.parent.mkdir(parents=True)
    with Worker(
        host.worker_input(LokiDestination(url=f"{loki.url}/loki/api/v1/push", job="whole")),
        tmp_path / "errors",
    ) as worker:
        log.write_bytes(docker_file(rows))
        pod.write_bytes(cri_file(rows, "stdout") + cri_file(rows[:100], "stderr"))

        def delivered() -> int:
            return worker.stats.destination.records if worker.stats is not None else 0

        wait_for(lambda: delivered() >= 2 * len(rows) + 100, 60, "Loki took all lines")
        assert worker.stats is not None
        assert worker.stats.destination.rejected == 0, (tmp_path / "errors").read_text()

    for selector, written in (
        ('{job="whole", namespace="", stream="stdout"}', rows),
        ('{job="whole", namespace="shop", stream="stdout"}', rows),
        ('{job="whole", namespace="shop", stream="stderr"}', rows[:100]),
    ):
        stored = loki.lines(selector, began - 1, now + 10**9)
        assert sorted((row.time_ns, row.line) for row in stored) == written, selector
    docker = loki.lines('{job="whole", namespace=""}', began - 1, now + 10**9)[0]
    assert docker.labels["container_name"] == "web"
    assert docker.labels["container_id"] == CONTAINER_ID, "structured metadata"
    pods = loki.lines('{job="whole", namespace="shop"}', began - 1, now + 10**9)[0]
    assert pods.labels["pod"] == "web-5f7d"


def test_what_it_refuses_is_counted_and_the_rest_is_kept(loki: Loki, tmp_path: Path) -> None:
    now = time.time_ns()
    old = [(now - 9 * DAY + number, f"old {number}") for number in range(7)]
    new = [(now - 10**9 + number, f"new {number}") for number in range(20)]
    host = LogHost(tmp_path / "host")
    with Worker(
        host.worker_input(LokiDestination(url=f"{loki.url}/loki/api/v1/push", job="old")),
        tmp_path / "errors",
    ) as worker:
        log = host.add_container()
        log.write_bytes(docker_file([*old, *new]))

        def settled() -> int:
            if worker.stats is None:
                return 0
            return worker.stats.destination.records + worker.stats.destination.rejected

        wait_for(lambda: settled() >= 27, 30, "Loki answered")
        assert worker.stats is not None
        assert worker.stats.destination.rejected == len(old)
    stored = loki.lines('{job="old"}', now - 10 * DAY, now + 10**9)
    assert [(row.time_ns, row.line) for row in stored] == new
