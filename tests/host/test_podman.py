"""Containers and pods of Podman 4 and 5, named from what they leave on disk."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from agent.config import HostPaths
from agent.container.container import Container, Kind
from agent.sampler import Sampler
from tests.host.daemon import wait_until
from tests.host.identity import SLEEP, log_of, named
from tests.host.podman import PodmanHost

pytestmark = pytest.mark.host


@contextmanager
def pod(host: PodmanHost, name: str) -> Iterator[dict[str, Container]]:
    """A pod with one container `front`; its members as the agent names them, by container name."""
    infra = ["--infra-image", host.image, "--infra-command", "/bin/sleep 1000"]
    host.cli("pod", "create", "--name", name, "--network", "none", "--label", "tier=1", *infra)
    try:
        host.cli("run", "--detach", "--pod", name, "--name", "front", host.image, *SLEEP)
        members = json.loads(host.cli("pod", "inspect", name))
        members = members[0] if isinstance(members, list) else members
        found = {}
        for member in members["Containers"]:
            shown = json.loads(host.cli("container", "inspect", member["Id"]))[0]
            found[shown["Name"]] = named(HostPaths(), shown["State"]["Pid"])
        yield found
    finally:
        host.remove_pod(name)


def test_a_container_is_named_through_conmon_and_labelled_by_the_database(
    any_podman_host: PodmanHost,
) -> None:
    host = any_podman_host
    handle = host.run("named", SLEEP, labels={"app": "web"})
    try:
        container = named(HostPaths(), handle.pid)
        assert (container.runtime, container.id) == ("podman", handle.id)
        assert (container.name, container.image) == ("named", host.image)
        assert container.image_id == host.image_id
        assert container.labels == {"app": "web"}
        assert (container.pod, container.container) == ("", "")
        assert (container.pid, container.log_path) == (handle.pid, handle.log_path)
        assert (container.log_format, container.kind) == ("cri", Kind.CONTAINER)
        assert container.complete
        source = log_of(HostPaths(podman=(str(host.root),)), handle.id)
        assert (source.path, source.container.name) == (handle.log_path, "named")
        assert source.container.labels == {"app": "web"}
    finally:
        host.remove("named")


def test_restarts_by_its_policy_are_counted_as_podman_counts(any_podman_host: PodmanHost) -> None:
    host = any_podman_host
    # The third run stays; what a run leaves in the writable layer is there in the next.
    script = 'echo >> /runs; [ "$(grep -c "" /runs)" -ge 3 ] || exit 7; while :; do sleep 1; done'
    host.run("fails", ["/bin/sh", "-c", script], options=["--restart", "on-failure:9"])

    def shown() -> dict[str, Any]:
        found: dict[str, Any] = json.loads(host.cli("container", "inspect", "fails"))[0]
        return found

    try:
        wait_until(
            lambda: shown()["RestartCount"] == 2 and shown()["State"]["Pid"], 60, "the third run"
        )
        assert named(HostPaths(), shown()["State"]["Pid"]).attempt == 2
    finally:
        host.remove("fails")


def test_a_log_at_a_path_of_its_own_is_found(any_podman_host: PodmanHost, tmp_path: Path) -> None:
    host = any_podman_host
    log = f"{tmp_path}/own.log"
    handle = host.run("own", SLEEP, options=["--log-opt", f"path={log}"])
    try:
        assert named(HostPaths(), handle.pid).log_path == log
        assert log_of(HostPaths(podman=(str(host.root),)), handle.id).path == log
    finally:
        host.remove("own")


def test_the_members_of_a_pod_have_its_name(any_podman_host: PodmanHost) -> None:
    with pod(any_podman_host, "shop") as members:
        front = members.pop("front")
        ((_, infra),) = members.items()
        assert (front.kind, front.title) == (Kind.CONTAINER, "shop/front")
        assert (front.name, front.container, front.namespace) == ("front", "front", "")
        assert (infra.kind, infra.title, infra.labels) == (Kind.SANDBOX, "shop", {"tier": "1"})
        assert front.pod_uid == infra.pod_uid != ""
        log = log_of(HostPaths(podman=(str(any_podman_host.root),)), front.id)
        assert log.container.title == "shop/front"


def test_a_pods_network_is_told_by_its_infra_container(any_podman_host: PodmanHost) -> None:
    with pod(any_podman_host, "once") as members, Sampler(HostPaths()) as sampler:
        told = {
            sample.container.id: sample.network is not None
            for sample in sampler.snapshot().samples
            if sample.container is not None
        }
        assert {name: told[member.id] for name, member in members.items()} == {
            name: member.kind is Kind.SANDBOX for name, member in members.items()
        }


def test_a_renamed_container_has_its_new_name(any_podman_host: PodmanHost) -> None:
    handle = any_podman_host.run("before", SLEEP)
    try:
        any_podman_host.cli("rename", "before", "after")
        assert named(HostPaths(), handle.pid).name == "after"
    finally:
        any_podman_host.remove(handle.id)
