"""Docker, Podman and containerd side by side: right names, and numbers a second source confirms."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.host.agent import Page, page_once
from tests.host.containerd import ContainerdHost
from tests.host.docker import DockerHost
from tests.host.handle import ContainerHandle
from tests.host.podman import PodmanHost
from tests.host.veth import connect, need_ip, ping

pytestmark = pytest.mark.host

BUSY = ("/bin/sh", "-c", "x=$(head -c 8000000 /dev/zero | tr '\\0' x); while :; do :; done")
"""Holds some memory and uses CPU."""

Three = dict[str, ContainerHandle]


@pytest.fixture(scope="module")
def three(
    docker_host: DockerHost, podman_host: PodmanHost, containerd_host: ContainerdHost
) -> Iterator[Three]:
    hosts = {host.runtime: host for host in (docker_host, podman_host, containerd_host)}
    started: Three = {}
    try:
        for runtime, host in hosts.items():
            started[runtime] = host.run(f"three-{runtime}", BUSY, memory=64 << 20, cpus=0.1)
        yield started
    finally:
        for runtime, handle in started.items():
            hosts[runtime].remove(handle.name)


@pytest.fixture(scope="module")
def settings(podman_host: PodmanHost, containerd_host: ContainerdHost) -> tuple[str, ...]:
    """Where the private runtimes keep what only their configuration could tell."""
    return (
        f"paths.podman=['{podman_host.root}']",
        f"paths.containerd=['{containerd_host.root}']",
        "probes.enabled=false",
    )


@pytest.fixture(scope="module")
def page(three: Three, settings: tuple[str, ...]) -> Page:
    return page_once(*settings)


def cgroup_file(pid: int, v1: str, v2: str) -> int:
    """A number straight from the cgroup of `pid`: "controller/file" by v1's names, or v2's file."""
    controller, _, name = v1.partition("/")
    paths = dict(
        line.split(":", 2)[1:] for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    )
    for controllers, path in paths.items():
        if controller in controllers.split(","):
            return int(Path(f"/sys/fs/cgroup/{controller}{path}/{name}").read_text())
    text = Path(f"/sys/fs/cgroup{paths['']}/{v2.partition(' ')[0]}").read_text()
    key = v2.partition(" ")[2]
    return int(text if not key else dict(line.split() for line in text.splitlines())[key])


@pytest.mark.parametrize("runtime", ["docker", "podman", "containerd"])
def test_a_container_has_its_name_image_and_runtime(runtime: str, three: Three, page: Page) -> None:
    handle = three[runtime]
    labels = page.labels("container_info", name=handle.name)
    assert labels["runtime"] == runtime
    assert labels["image"] == handle.image
    assert labels["id"].endswith(handle.id)
    usage = page.labels("container_cpu_usage_seconds_total", name=handle.name)
    assert usage["image"] == handle.image


@pytest.mark.parametrize("runtime", ["docker", "podman", "containerd"])
def test_cpu_and_memory_lie_between_two_looks_at_the_cgroups_own_files(
    runtime: str, three: Three, settings: tuple[str, ...]
) -> None:
    pid, name = three[runtime].pid, three[runtime].name

    def cpu() -> float:
        v1 = cgroup_file(pid, "cpuacct/cpuacct.usage", "cpu.stat usage_usec")
        return v1 / (1e9 if Path("/sys/fs/cgroup/cpuacct").is_dir() else 1e6)

    def memory() -> int:
        return cgroup_file(pid, "memory/memory.usage_in_bytes", "memory.current")

    before, page, after = cpu(), page_once(*settings), cpu()
    # v1 tells nanoseconds, the page microseconds.
    assert before - 1e-6 <= page.value("container_cpu_usage_seconds_total", name=name) <= after
    # Memory moves by a few pages up and down while the shell runs.
    close = pytest.approx(memory(), abs=1 << 20)
    assert page.value("container_memory_usage_bytes", name=name) == close
    assert page.value("container_spec_memory_limit_bytes", name=name) == 64 << 20
    assert page.value("container_spec_cpu_quota", name=name) / page.value(
        "container_spec_cpu_period", name=name
    ) == pytest.approx(0.1)
    started = page.value("container_start_time_seconds", name=name)
    assert time.time() - 300 < started <= time.time()


def test_memory_is_what_docker_stats_says(
    docker_host: DockerHost, three: Three, settings: tuple[str, ...]
) -> None:
    name = three["docker"].name
    said = docker_host.cli("stats", "--no-stream", "--format", "{{.MemUsage}}", name)
    used = re.match(r"([\d.]+)(MiB|KiB|GiB) / ", said)
    assert used is not None, said
    number = float(used[1]) * {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}[used[2]]
    page = page_once(*settings)
    assert page.value("container_memory_working_set_bytes", name=name) == pytest.approx(
        number, abs=1 << 20
    )


def test_the_network_is_what_proc_says_and_is_told_once(
    docker_host: DockerHost, settings: tuple[str, ...]
) -> None:
    need_ip()
    names = ("net-a", "net-b", "net-a-too")
    idle = ("/bin/sleep", "600")
    try:
        a, b = (docker_host.run(name, idle) for name in names[:2])
        docker_host.cli(
            "run", "--detach", "--name", names[2], "--network", f"container:{a.id}",
            docker_host.image, *idle,
        )  # fmt: skip
        connect(a.pid, b.pid)
        ping(a.pid, 3)
        page = page_once(*settings)
        for handle in (a, b):
            eth0 = _net_dev(handle.pid)["eth0"]
            labels = {"name": handle.name, "interface": "eth0"}
            for metric, column in (
                ("receive_bytes", 0), ("receive_packets", 1), ("transmit_bytes", 8),
                ("transmit_packets", 9),
            ):  # fmt: skip
                value = page.value(f"container_network_{metric}_total", **labels)
                assert 0 < value <= eth0[column]
                assert value == pytest.approx(eth0[column], rel=0.2)
        # The third shares the first's namespace: its traffic is told already.
        assert page.series("container_network_receive_bytes_total", name=names[2]) == []
        assert page.value("container_threads", name=names[2]) == 1
        # Loopback is nobody's traffic.
        assert page.series("container_network_receive_bytes_total", interface="lo") == []
    finally:
        for name in names:
            docker_host.remove(name)


def _net_dev(pid: int) -> dict[str, list[int]]:
    lines = Path(f"/proc/{pid}/net/dev").read_text().splitlines()[2:]
    return {
        name.strip(): [int(field) for field in numbers.split()]
        for name, _, numbers in (line.partition(":") for line in lines)
    }
