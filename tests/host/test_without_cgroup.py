"""What has no cgroup of its own, or seems to: rootless on v1, an agent in a cgroup namespace."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.config import HostPaths
from agent.container.log_sources import LogSources
from agent.kernelfile import read
from agent.procfs.pid import parse_pid_cgroup
from agent.sampler import Sampler
from tests.host.agent import Page, command, page_once
from tests.host.containerd import ContainerdHost
from tests.host.daemon import HostUnavailable, hierarchies, need_root, remove_cgroup_tree
from tests.host.docker import DockerHost
from tests.host.handle import ContainerHandle
from tests.host.identity import SLEEP
from tests.host.rootless import RootlessPodman

pytestmark = pytest.mark.host


@pytest.fixture
def rootless(rootless_podman: RootlessPodman) -> Iterator[ContainerHandle]:
    try:
        handle = rootless_podman.run("rootless", SLEEP, labels={"app": "web"})
    except HostUnavailable as reason:
        pytest.skip(f"rootless podman: {reason}")
    try:
        yield handle
    finally:
        rootless_podman.cli("rm", "--force", "--time", "0", handle.id)


def test_a_rootless_container_is_named_whether_it_has_a_cgroup_or_not(
    rootless: ContainerHandle,
) -> None:
    with Sampler(HostPaths()) as sampler:
        placed = {
            sample.container.id: sample.container
            for sample in sampler.snapshot().samples
            if sample.container is not None
        }
        unplaced = {container.id: container for container in sampler.unplaced.found}
    assert (rootless.id in placed) != (rootless.id in unplaced)
    found = (placed | unplaced)[rootless.id]
    assert (found.runtime, found.name, found.image) == ("podman", "rootless", rootless.image)
    assert (found.pid, found.log_path) == (rootless.pid, rootless.log_path)
    assert found.labels == {"app": "web"}


def test_a_container_without_a_cgroup_is_told_by_a_series(rootless: ContainerHandle) -> None:
    paths = read(f"/proc/{rootless.pid}/cgroup", parse_pid_cgroup) or {}
    if any("libpod" in path for path in paths.values()):
        pytest.skip("this host gives a rootless container a cgroup")
    page = page_once()
    labels = page.labels("agent_container_without_cgroup", id=rootless.id)
    assert (labels["name"], labels["runtime"]) == ("rootless", "podman")
    assert page.series("container_memory_usage_bytes", name="rootless") == []


def test_the_log_of_a_rootless_container_is_found_through_its_conmon(
    rootless: ContainerHandle,
) -> None:
    sources = {source.path: source.container for source in LogSources(HostPaths()).scan()}
    assert sources[rootless.log_path].name == "rootless"


@pytest.fixture
def own_cgroup() -> Iterator[str]:
    """A cgroup to put an agent in."""
    try:
        need_root("unshare")
    except HostUnavailable as reason:
        pytest.skip(str(reason))
    name = f"agent-test-{os.getpid()}-own"
    for hierarchy in hierarchies():
        (hierarchy / name / "below").mkdir(parents=True)
    try:
        yield f"/{name}/below"
    finally:
        remove_cgroup_tree(name)


def page_in_cgroup_namespace(cgroup: str) -> Page:
    """What `agent metrics` prints with a private cgroup namespace whose root is `cgroup`."""
    # A v1 cpuset takes no process before it has CPUs; that one hierarchy stays behind.
    enter = "".join(
        f"echo $$ >{hierarchy}{cgroup}/cgroup.procs 2>/dev/null || :\n"
        for hierarchy in hierarchies()
    )
    unshare = shutil.which("unshare") or "unshare"
    script = f'{enter}exec {unshare} --cgroup "$@"'
    argv = ["sh", "-c", script, "sh", *command("metrics")]
    done = subprocess.run(argv, capture_output=True, timeout=60, check=True)
    return Page(done.stdout.decode())


def test_an_agent_in_a_cgroup_namespace_of_its_own_names_all_the_same(
    own_cgroup: str, docker_host: DockerHost, containerd_host: ContainerdHost
) -> None:
    docker = docker_host.run("inside-out", SLEEP)
    ctr = containerd_host.run("free-text", SLEEP)
    try:
        page = page_in_cgroup_namespace(own_cgroup)
        assert page.labels("container_info", name="inside-out")["runtime"] == "docker"
        assert page.labels("container_info", name="free-text")["runtime"] == "containerd"
        for handle in (docker, ctr):
            assert page.series("agent_container_without_cgroup", id=handle.id) == []
    finally:
        docker_host.remove("inside-out")
        containerd_host.remove("free-text")


@pytest.fixture
def unit() -> Iterator[tuple[str, int]]:
    """A cgroup as systemd makes one for a service, with a process in it."""
    try:
        need_root("sleep")
    except HostUnavailable as reason:
        pytest.skip(str(reason))
    name = f"agent-test-{os.getpid()}.slice"
    process = subprocess.Popen(["sleep", "1000"])
    try:
        for hierarchy in hierarchies():
            directory = hierarchy / name / "agent-test.service"
            directory.mkdir(parents=True)
            if not (directory / "cpuset.cpus").exists():
                (directory / "cgroup.procs").write_text(str(process.pid))
        yield f"/{name}/agent-test.service", process.pid
    finally:
        process.kill()
        process.wait()
        remove_cgroup_tree(name)


def test_services_are_on_the_page_only_where_they_are_asked_for(unit: tuple[str, int]) -> None:
    path, _ = unit
    assert page_once().series("container_cpu_usage_seconds_total", id=path) == []
    page = page_once("metrics.systemd=true")
    labels = page.labels("container_cpu_usage_seconds_total", id=path)
    assert (labels["name"], labels["image"], labels["pod"]) == ("agent-test.service", "", "")
    info = page.labels("container_info", id=path)
    assert (info["runtime"], info["kind"]) == ("systemd", "service")
    # On the host's network, which is not its own.
    assert page.series("container_network_receive_bytes_total", id=path) == []
    assert Path(f"/proc/{unit[1]}").exists()
