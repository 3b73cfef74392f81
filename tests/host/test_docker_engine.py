"""Docker's API as a source of names, ends and health: against real Dockers, old and new."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.cgroupfs.reading import Cgroup
from agent.config import HostPaths
from agent.container.discovery import Discovery
from agent.lifecycle.events import Health
from agent.lifecycle.record import parse_docker
from agent.lifecycle.run import Recorded
from agent.sources.docker_engine import DockerEngine
from tests.host.agent import agent_run
from tests.host.daemon import wait_until
from tests.host.docker import DockerHost

pytestmark = pytest.mark.host

IDLE = ("/bin/sh", "-c", "sleep 1000")


@pytest.fixture(params=["installed", "newest"])
def host(request: pytest.FixtureRequest) -> DockerHost:
    name = "docker_host" if request.param == "installed" else "newest_docker_host"
    found: DockerHost = request.getfixturevalue(name)
    return found


@pytest.fixture
def engine(host: DockerHost) -> Iterator[DockerEngine]:
    made = DockerEngine(str(host.socket))
    made.start()
    try:
        yield made
    finally:
        made.stop()


def record(engine: DockerEngine, id_: str, began: float) -> Recorded:
    known = engine.get(id_)
    return Recorded(0.0) if known is None else parse_docker(known.record, 0.0, began)


def test_a_container_is_followed_from_its_list_to_its_end(
    host: DockerHost, engine: DockerEngine, tmp_path: Path
) -> None:
    began = time.time() - 1
    try:
        wait_until(lambda: engine.follower.up, 30, "the list")
        script = "until [ -e /go ]; do sleep 0.05; done; exit 7"
        handle = host.run(
            "api-told",
            ("/bin/sh", "-c", script),
            labels={"app": "shop"},
            options=("--health-cmd", "true", "--health-interval", "0.2s"),
        )
        wait_until(lambda: engine.get(handle.id) is not None, 20, "its start")
        wait_until(
            lambda: record(engine, handle.id, began).health is Health.HEALTHY, 20, "its health"
        )
        # A host where no file may be read: no /proc, and no file of Docker's.
        nothing = HostPaths(root=str(tmp_path), proc=str(tmp_path / "proc"))
        discovery = Discovery(nothing, engine=engine)
        found = discovery.container_of(Cgroup(7, f"/docker/{handle.id}", began), tuple)
        assert found is not None
        assert (found.name, found.image, found.source) == ("api-told", host.image, "docker-api")
        assert found.labels["app"] == "shop"
        assert found.log_path == handle.log_path
        host.cli("rename", "api-told", "api-renamed")
        wait_until(
            lambda: engine.get(handle.id).container.name == "api-renamed",  # type: ignore[union-attr]
            20,
            "its new name",
        )
        host.cli("exec", "api-renamed", "touch", "/go")
        wait_until(lambda: record(engine, handle.id, began).exit_code == 7, 20, "its end")
        host.remove("api-renamed")
        wait_until(lambda: engine.get(handle.id).gone is not None, 20, "its removal")  # type: ignore[union-attr]
        assert record(engine, handle.id, began).exit_code == 7
        assert engine.follower.failures == 0
    finally:
        host.remove("api-told")
        host.remove("api-renamed")


def test_the_agent_follows_docker_and_takes_the_files_first(
    docker_host: DockerHost, tmp_path: Path
) -> None:
    docker_host.run("api-page", IDLE)
    settings = (f"docker.socket={docker_host.socket}", "probes.enabled=false", "logs.enabled=false")
    try:
        with agent_run(tmp_path, *settings) as agent:
            wait_until(
                lambda: agent.page().value("agent_api_up", source="docker-api") == 1, 20, "it is up"
            )
            page = agent.page()
            assert page.labels("container_info", name="api-page")["runtime"] == "docker"
            assert page.value("agent_api_failures_total", source="docker-api") == 0
            assert page.value("agent_metadata_source_total", source="docker") >= 1
            assert page.series("agent_metadata_source_total", source="docker-api") == []
    finally:
        docker_host.remove("api-page")
