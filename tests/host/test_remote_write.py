"""The real agent writes to a real Prometheus: Debian 12's speaks 1.0, a newer one 2.0."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.host.agent import RunningAgent, agent_run
from tests.host.daemon import HostUnavailable, wait_until
from tests.host.docker import DockerHost
from tests.host.packages import Release
from tests.host.prometheus import Prometheus, need_prometheus

pytestmark = [pytest.mark.host, pytest.mark.timeout(240)]

OPTIONS = ("--web.enable-remote-write-receiver",)
WHO = '{job="cadvisor",instance="here",zone="a"}'


@dataclass
class Receiver:
    """A Prometheus that can die and come back with what it had."""

    program: str
    version: str
    directory: Path
    server: Prometheus

    def kill(self) -> None:
        self.server.kill()

    def start(self) -> None:
        self.server = Prometheus(
            self.directory, {}, program=self.program, address=self.server.address, options=OPTIONS
        )


@pytest.fixture(scope="module", params=["1.0", "2.0"])
def receiver(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Receiver]:
    try:
        need_prometheus()
        program = "prometheus"
        if request.param == "2.0":
            program = str(Release("sid").unpack("prometheus") / "usr/bin/prometheus")
        directory = tmp_path_factory.mktemp("receiver")
        server = Prometheus(directory, {}, program=program, options=OPTIONS)
    except HostUnavailable as reason:
        pytest.skip(f"a Prometheus for {request.param}: {reason}")
    made = Receiver(program, request.param, directory, server)
    try:
        yield made
    finally:
        made.server.stop()


@pytest.fixture(scope="module")
def writing(receiver: Receiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAgent]:
    directory = tmp_path_factory.mktemp("writing")
    settings = (
        f"remote_write.url=http://{receiver.server.address}/api/v1/write",
        f"remote_write.queue_dir={directory / 'queue'}",
        "remote_write.interval=1",
        "remote_write.external_labels=['instance=here', 'zone=a']",
    )
    with agent_run(directory, "logs.enabled=false", "probes.enabled=false", *settings) as agent:
        yield agent


@pytest.fixture(scope="module")
def container(docker_host: DockerHost) -> Iterator[str]:
    name = "rw-container"
    docker_host.run(name, ("/bin/sleep", "600"), memory=64 << 20)
    try:
        yield name
    finally:
        docker_host.remove(name)


def test_values_arrive_with_the_labels_a_scrape_would_give(
    container: str, receiver: Receiver, writing: RunningAgent
) -> None:
    server = receiver.server
    limit = f'container_spec_memory_limit_bytes{{name="{container}"}}'
    wait_until(lambda: server.query(limit) != [], 60, "the container arrives")
    (row,) = server.query(limit)
    assert float(row["value"][1]) == 64 << 20
    scraped = writing.page().labels("container_spec_memory_limit_bytes", name=container)
    assert row["metric"] == {
        "__name__": "container_spec_memory_limit_bytes",
        "job": "cadvisor",
        "instance": "here",
        "zone": "a",
        **{name: value for name, value in scraped.items() if value},
    }
    assert server.number(f"up{WHO}") == 1
    written = f"agent_remote_write_samples_total{WHO}"
    wait_until(lambda: server.number(written) > 0, 30, "the agent tells what it wrote")


def test_every_series_of_the_page_arrives(
    container: str, receiver: Receiver, writing: RunningAgent
) -> None:
    server = receiver.server
    wait_until(lambda: server.query(f"up{WHO}") != [], 60, "the agent arrives")
    for metric in ("container_last_seen", "container_cpu_usage_seconds_total", "container_info"):
        expression = f"count({metric}{WHO})"
        # Other containers of this machine come and go.
        wait_until(
            lambda metric=metric, expression=expression: (  # type: ignore[misc]
                server.number(expression) == len(writing.page().series(metric))
            ),
            60,
            expression,
        )


def test_the_version_is_what_the_receiver_knows(receiver: Receiver, writing: RunningAgent) -> None:
    wait_until(lambda: receiver.server.query(f"up{WHO}") != [], 60, "the agent arrives")
    fell_back = "the receiver does not know 2.0" in writing.messages.read_text()
    assert fell_back == (receiver.version == "1.0")
    assert writing.page().series("agent_remote_write_dropped_samples_total") == []


def test_a_container_that_ends_is_gone_at_once(
    docker_host: DockerHost, receiver: Receiver, writing: RunningAgent
) -> None:
    server = receiver.server
    name = "rw-short"
    docker_host.run(name, ("/bin/sleep", "600"))
    series = f'container_last_seen{{name="{name}"}}'
    try:
        wait_until(lambda: server.query(series) != [], 60, "it arrives")
    finally:
        docker_host.remove(name)
    # Without a stale marker a query would find it for five minutes more.
    wait_until(lambda: server.query(series) == [], 20, "it ends")


def test_a_receiver_that_dies_loses_nothing(receiver: Receiver, writing: RunningAgent) -> None:
    wait_until(lambda: receiver.server.query(f"up{WHO}") != [], 60, "the agent arrives")
    killed = time.time()
    receiver.kill()

    def telling(metric: str) -> float:
        return writing.page().value(f"agent_remote_write_{metric}")

    wait_until(lambda: telling("behind_seconds") > 10, 60, "it is down for ten seconds")
    assert writing.page().value("agent_remote_write_retries_total", cause="connection") > 0
    assert telling("queue_samples") > 0
    back = time.time()
    receiver.start()
    wait_until(lambda: telling("queue_samples") == 0, 90, "the queue is empty")
    found = receiver.server.query(f"up{WHO}[10m]")
    (row,) = found
    times = [taken for taken, _ in row["values"]]  # type: ignore[typeddict-item]
    assert sum(killed < taken < back for taken in times) >= 4
    assert max(b - a for a, b in itertools.pairwise(times)) < 5
    assert writing.page().series("agent_remote_write_dropped_samples_total") == []
