"""Real containers of every runtime here: each is named as its runtime names it, with its log."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from agent.config import HostPaths
from agent.container.discovery import Discovery
from tests.host.bare import BareHost
from tests.host.containerd import ContainerdHost
from tests.host.daemon import HostUnavailable, remove_cgroup
from tests.host.docker import DockerHost
from tests.host.identity import SLEEP, cgroup_of, log_of, named, started_as_the_kernel_says

pytestmark = pytest.mark.host

BARE = f"agent-test-{os.getpid()}"


def test_docker_of_a_private_daemon_is_named_without_knowing_its_root(
    docker_host: DockerHost,
) -> None:
    handle = docker_host.run("named", SLEEP, labels={"app": "web"})
    try:
        container = named(HostPaths(), handle.pid)
        assert (container.runtime, container.id) == ("docker", handle.id)
        assert (container.name, container.image) == ("named", docker_host.image)
        assert container.image_id == docker_host.image_id
        assert container.labels == {"app": "web"}
        assert (container.pid, container.log_path) == (handle.pid, handle.log_path)
        assert container.log_format == "docker"
        assert container.complete
        assert started_as_the_kernel_says(container)
    finally:
        docker_host.remove("named")


def test_the_newest_docker_with_its_images_in_containerd_is_named_as_any(
    newest_docker_host: DockerHost,
) -> None:
    host = newest_docker_host
    handle = host.run("newest", SLEEP, labels={"app": "web"})
    try:
        container = named(HostPaths(), handle.pid)
        assert (container.runtime, container.name) == ("docker", "newest")
        # Docker itself shows the manifest's digest; other runtimes and scanners know the config's.
        assert (container.image, container.image_id) == (host.image, host.image_id)
        assert container.labels == {"app": "web"}
        assert (container.pid, container.log_path) == (handle.pid, handle.log_path)
        assert container.complete
    finally:
        host.remove("newest")


def test_dockers_rename_and_restart_are_seen(docker_host: DockerHost) -> None:
    time = 0.0
    discovery = Discovery(HostPaths(), now=lambda: time)
    handle = docker_host.run("before", SLEEP)
    try:
        cgroup = cgroup_of(handle.pid)
        first = discovery.container_of(cgroup, lambda: (handle.pid,))
        assert first is not None
        docker_host.cli("rename", "before", "after")
        time += 5
        second = discovery.container_of(cgroup, lambda: (handle.pid,))
        assert second is not None
        assert (first.name, second.name) == ("before", "after")
        docker_host.cli("restart", "--time", "0", "after")
        state = json.loads(docker_host.cli("inspect", handle.id))[0]["State"]
        again = cgroup_of(state["Pid"])
        third = discovery.container_of(again, lambda: (state["Pid"],))
        assert third is not None
        assert (third.name, third.pid) == ("after", state["Pid"])
        assert third.started is not None
        assert second.started is not None
        assert third.started > second.started
    finally:
        docker_host.remove(handle.id)


def test_a_stopped_docker_container_still_has_its_log(docker_host: DockerHost) -> None:
    paths = HostPaths(docker=(str(docker_host.root),))
    handle = docker_host.run("stopped", SLEEP)
    try:
        docker_host.cli("kill", "stopped")
        source = log_of(paths, handle.id)
        assert (source.path, source.format) == (handle.log_path, "docker")
        assert (source.container.name, source.container.pid) == ("stopped", None)
    finally:
        docker_host.remove("stopped")


def test_a_private_dockers_logs_are_found_through_its_command_line(
    docker_host: DockerHost,
) -> None:
    handle = docker_host.run("logged", SLEEP)
    try:
        assert log_of(HostPaths(), handle.id).path == handle.log_path
    finally:
        docker_host.remove("logged")


def test_ctrs_container_of_a_private_containerd_has_image_and_labels(
    containerd_host: ContainerdHost,
) -> None:
    handle = containerd_host.run("free.text", SLEEP, labels={"app": "web"})
    try:
        container = named(HostPaths(), handle.pid)
        assert (container.runtime, container.id) == ("containerd", "free.text")
        assert (container.name, container.image) == ("free.text", containerd_host.image)
        assert container.image_id == containerd_host.image_id
        assert container.labels["app"] == "web"
        assert (container.pid, container.log_path) == (handle.pid, "")
        assert container.complete
        assert started_as_the_kernel_says(container)
        namespace = cgroup_of(handle.pid, above=1)
        assert Discovery(HostPaths()).container_of(namespace, lambda: (handle.pid,)) is None
    finally:
        containerd_host.remove("free.text")


def test_nerdctls_container_is_named_by_its_labels(containerd_host: ContainerdHost) -> None:
    # nerdctl is containerd's client with names of its own, which it keeps in labels; its id is 64
    # hex digits, and its logs are json files.
    id_ = "ab" * 32
    state = f"/var/lib/nerdctl/1935db59/containers/default/{id_}"
    labels = {"nerdctl/name": "web", "nerdctl/state-dir": state, "com.docker.compose.service": "a"}
    handle = containerd_host.run(id_, SLEEP, labels=labels)
    try:
        container = named(HostPaths(), handle.pid)
        assert (container.runtime, container.id, container.name) == ("containerd", id_, "web")
        assert container.image == containerd_host.image
        assert (container.log_path, container.log_format) == (f"{state}/{id_}-json.log", "docker")
        assert container.labels["com.docker.compose.service"] == "a"
    finally:
        containerd_host.remove(id_)


@pytest.fixture(params=["runc", "crun"])
def bare(request: pytest.FixtureRequest, host_directory: Path) -> Iterator[tuple[str, BareHost]]:
    directory = host_directory / f"bare-{request.param}"
    try:
        host = BareHost(directory, request.param)
    except HostUnavailable as reason:
        pytest.skip(f"{request.param}: {reason}")
    try:
        yield request.param, host
    finally:
        host.remove(BARE)
        remove_cgroup(BARE)
        shutil.rmtree(directory)


def test_a_bare_container_is_named_by_its_state_file(bare: tuple[str, BareHost]) -> None:
    runtime, host = bare
    try:
        pid = host.start(BARE, ("/bin/busybox", "sleep", "1000"))
    except HostUnavailable as reason:
        pytest.skip(f"{runtime}: {reason}")
    container = named(replace(HostPaths(), run=str(host.run_root)), pid)
    assert (container.runtime, container.name) == (runtime, BARE)
    assert container.labels == {"app": "web"}
    assert container.pid == pid
    assert container.complete
    assert started_as_the_kernel_says(container)


def test_what_runs_in_the_hosts_own_cgroups_is_no_container(docker_host: DockerHost) -> None:
    handle = docker_host.run("parent", SLEEP)
    try:
        above = cgroup_of(handle.pid, above=1)
        assert Discovery(HostPaths()).container_of(above, tuple) is None
    finally:
        docker_host.remove("parent")
