"""A container of a containerd that runs in a Docker container, on the page of a real agent and in
its events."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.host.agent import agent_run, page_once
from tests.host.daemon import hierarchies, wait_until
from tests.host.docker import DockerHost
from tests.host.node import INNER, OWN_FILES, POD_CGROUP, Node

pytestmark = pytest.mark.host

NODE = (
    # Without --privileged, for which a machine may lack capabilities, these are read-only.
    "for place in $(awk '$3 ~ /^cgroup/ {print $2}' /proc/mounts); do "
    "mount -o remount,bind,rw $place; done; "
    # On cgroup v2 controllers go below a cgroup only when no process is right in it.
    "[ ! -e /sys/fs/cgroup/cgroup.procs ] || { mkdir /sys/fs/cgroup/init; "
    "for pid in $(cat /sys/fs/cgroup/cgroup.procs); do "
    "echo $pid >/sys/fs/cgroup/init/cgroup.procs; done; }; exec containerd"
)
RIGHTS = (
    *("--cap-add=SYS_ADMIN", "--cap-add=NET_ADMIN", "--cgroupns=private"),
    *("--security-opt=seccomp=unconfined", "--security-opt=systempaths=unconfined"),
)


@pytest.fixture
def node(docker_host: DockerHost) -> Iterator[tuple[str, Node]]:
    """The node's id, and its containerd."""
    started = docker_host.run("node", ["/bin/sh", "-c", NODE], options=[*RIGHTS, *OWN_FILES])
    try:
        yield started.id, Node(started.pid, snapshotter="native")
    finally:
        docker_host.remove("node")


def test_a_pods_container_in_a_node_is_on_the_page(
    node: tuple[str, Node], docker_host: DockerHost
) -> None:
    outer, containerd = node
    image = containerd.run_pods()
    page = page_once("probes.enabled=false", f"paths.docker=['{docker_host.root}']")
    labels = page.labels("container_info", container="app")
    assert labels["id"].endswith(f"/{outer}{POD_CGROUP}")
    assert (labels["runtime"], labels["name"], labels["image"]) == ("containerd", INNER, image)
    assert (labels["namespace"], labels["pod"]) == ("shop", "web-0")
    used = page.labels("container_cpu_usage_seconds_total", container="app", cpu="total")
    assert (used["id"], used["pod"]) == (labels["id"], "web-0")
    pods = page.series("container_memory_working_set_bytes", pod="web-0", container="")
    assert [found["namespace"] for found, _ in pods] == ["shop"]
    assert any((hierarchy / labels["id"].strip("/")).is_dir() for hierarchy in hierarchies())


def test_it_starts_and_ends_in_the_totals_of_its_pod(
    node: tuple[str, Node], docker_host: DockerHost, tmp_path: Path
) -> None:
    _, containerd = node
    settings = ("probes.enabled=false", "logs.enabled=false")
    with agent_run(tmp_path, *settings, f"paths.docker=['{docker_host.root}']") as agent:
        wait_until(
            lambda: bool(agent.page().series("agent_lifecycle_watcher", what="realtime")),
            30,
            "the watcher",
        )
        containerd.run_pods()

        def told(name: str) -> list[float]:
            return [v for _, v in agent.page().series(name, pod="web-0", container="app")]

        wait_until(lambda: told("container_restarts_total") == [0], 60, "its start")
        containerd.kill("k8s.io")
        wait_until(lambda: sum(told("container_exits_total")) == 1, 60, "its end")
        assert told("container_last_exit_code") == [137]
