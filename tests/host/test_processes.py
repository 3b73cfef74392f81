"""Processes, descriptors and sockets of a real container, against a listing of /proc."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.host.agent import Page, page_once
from tests.host.daemon import wait_until
from tests.host.docker import DockerHost
from tests.host.handle import ContainerHandle

pytestmark = pytest.mark.host

# Six processes and two listening sockets; the first process holds four more files open.
WORK = (
    "exec 3</dev/null 4</dev/null 5</dev/null 6</dev/null; "
    "for i in 1 2 3; do sleep 1000 & done; "
    "nc -l -p 4000 & nc -l -p 4001 & wait"
)


@pytest.fixture(scope="module")
def busy(docker_host: DockerHost) -> Iterator[ContainerHandle]:
    name = f"processes-{os.getpid()}"
    options = ["--ulimit", "nofile=321:654", "--pids-limit", "50"]
    handle = docker_host.run(name, ["/bin/sh", "-c", WORK], options=options)
    try:
        wait_until(lambda: listening(handle.pid) == 2, 20, "two sockets listen")
        yield handle
    finally:
        docker_host.remove(name)


@pytest.fixture(scope="module")
def page(busy: ContainerHandle) -> Page:
    return page_once("probes.enabled=false")


def listening(pid: int) -> int:
    files = (Path(f"/proc/{pid}/net/{name}").read_text() for name in ("tcp", "tcp6"))
    return sum(line.split()[3] == "0A" for text in files for line in text.splitlines()[1:])


def pids(docker_host: DockerHost, handle: ContainerHandle) -> list[int]:
    """The container's processes, as Docker lists them."""
    lines = docker_host.cli("top", handle.name, "-o", "pid").splitlines()
    return [int(line) for line in lines[1:]]


def links(pid: int) -> list[str]:
    return [os.readlink(entry.path) for entry in os.scandir(f"/proc/{pid}/fd")]


def test_processes_are_those_docker_lists(
    docker_host: DockerHost, busy: ContainerHandle, page: Page
) -> None:
    listed = pids(docker_host, busy)
    assert len(listed) == 6
    assert page.value("container_processes", name=busy.name) == 6
    assert page.value("container_threads", name=busy.name) == 6
    assert page.value("container_threads_max", name=busy.name) == 50


def test_descriptors_and_sockets_are_those_in_proc(
    docker_host: DockerHost, busy: ContainerHandle, page: Page
) -> None:
    listed = pids(docker_host, busy)
    every = [link for pid in listed for link in links(pid)]
    # Both nc wait in accept(), which has taken the number of the descriptor it will return: Linux
    # 6.2 and newer count it, and it counts towards the limit, but it is in no listing.
    kernel = sum(os.stat(f"/proc/{pid}/fd").st_size for pid in listed)
    assert kernel in (0, len(every) + 2)
    assert page.value("container_file_descriptors", name=busy.name) == (kernel or len(every))
    sockets = sum(link.startswith("socket:") for link in every)
    assert sockets == 2
    assert page.value("container_sockets", name=busy.name) == sockets
    assert 0 <= page.value("container_sockets_age_seconds", name=busy.name) < 1


def test_the_limit_of_open_files_is_the_one_that_was_asked_for(
    busy: ContainerHandle, page: Page
) -> None:
    labels = {"name": busy.name, "ulimit": "max_open_files"}
    assert page.value("container_ulimits_soft", **labels) == 321


def test_nothing_was_refused_or_misunderstood(page: Page) -> None:
    for source in ("process", "network"):
        assert page.value("agent_source_failures_total", source=source) == 0
