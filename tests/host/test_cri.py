"""Pods as the kubelet runs them, on each generation of containerd and on CRI-O: who is who, from
disk alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from agent.cgroupfs.hierarchies import find_hierarchies
from agent.config import HostPaths
from agent.container.container import Container, Kind
from agent.container.log_sources import LogSources
from agent.kernelfile import read
from agent.model import Sample, Snapshot
from agent.procfs.mountinfo import parse_mountinfo
from agent.sampler import Sampler
from tests.host.cri import CriHost, Pod
from tests.host.daemon import wait_until

pytestmark = pytest.mark.host

LOOP = ["/bin/sh", "-c", "echo started; exec sleep 1000"]


@contextmanager
def pod(host: CriHost, name: str, **how: object) -> Iterator[Pod]:
    made = host.run_pod(name, **how)  # type: ignore[arg-type]
    try:
        yield made
    finally:
        host.remove(made)


def snapshot(*, containerd: str | None = None) -> Snapshot:
    """The first tick of a new agent."""
    paths = HostPaths()
    if containerd is not None:
        paths = replace(paths, containerd=(containerd,))
    with Sampler(paths) as sampler:
        found = sampler.snapshot()
    assert [health.message for health in found.health if health.source == "identity"] == [""]
    return found


def members(found: Snapshot, pod: Pod) -> dict[str, Sample]:
    """id → sample of everything with this pod's uid; the pod's own cgroup under ""."""
    return {
        sample.container.id: sample
        for sample in found.samples
        if sample.container is not None and sample.container.pod_uid == pod.uid
    }


def identity(sample: Sample) -> Container:
    assert sample.container is not None
    return sample.container


def test_a_pods_containers_sandbox_and_cgroup_are_named_without_a_socket(
    any_cri_host: CriHost,
) -> None:
    host = any_cri_host
    with pod(host, "web", namespace="shop", pod_labels={"app": "web"}) as web:
        app = host.start(web, "app", LOOP, memory=64 << 20, cpus=0.5)
        side = host.start(web, "side", LOOP)
        found = members(snapshot(), web)
        assert found.keys() == {"", web.id, app.id, side.id}
        for handle in (app, side):
            container = identity(found[handle.id])
            assert (container.runtime, container.kind) == (host.runtime, Kind.CONTAINER)
            assert container.title == f"shop/web/{handle.name}"
            assert container.name == handle.id
            assert (container.image, container.image_id) == (host.image, host.image_id)
            assert (container.pid, container.attempt) == (handle.pid, 0)
            assert (container.log_path, container.log_format) == (handle.log_path, "cri")
            assert container.labels["app"] == "web"
            assert container.labels["io.kubernetes.container.name"] == handle.name
        sandbox = identity(found[web.id])
        assert (sandbox.kind, sandbox.container, sandbox.pid) == (Kind.SANDBOX, "", web.pid)
        # CRI-O writes no id of a sandbox's image into its bundle.
        pause_id = "" if host.runtime == "cri-o" else host.pause_id
        assert (sandbox.title, sandbox.image_id) == ("shop/web", pause_id)
        cgroup = found[""]
        assert (cgroup.cgroup.path, identity(cgroup).kind) == (web.cgroup, Kind.POD)
        assert (identity(cgroup).pod, identity(cgroup).namespace) == ("web", "shop")
        assert identity(cgroup).labels["app"] == "web"
        assert {identity(sample).qos for sample in found.values()} == {"burstable"}


def test_a_container_that_failed_comes_back_under_the_next_attempt(any_cri_host: CriHost) -> None:
    host = any_cri_host
    with pod(host, "crasher") as crasher:
        first = host.start(crasher, "app", ["/bin/sh", "-c", "echo dying; exit 3"])
        wait_until(lambda: host.exited(first.id) == 3, 10, "the first attempt ended")
        second = host.start(crasher, "app", LOOP, attempt=1)
        found = members(snapshot(), crasher)
        # CRI-O leaves the cgroup of a container that ended until the container is removed.
        assert found.keys() - {first.id} == {"", crasher.id, second.id}
        assert first.id not in found or host.runtime == "cri-o"
        container = identity(found[second.id])
        assert (container.title, container.attempt) == ("test/crasher/app", 1)
        assert container.log_path == str(crasher.logs / "app/1.log")
        paths = HostPaths(pod_logs=str(host.pod_logs), containerd=(str(host.root),))
        logs = {source.path: source.container for source in LogSources(paths).scan()}
        assert {Path(path).name for path in logs if "crasher" in path} >= {"1.log"}
        assert logs[second.log_path].container == "app"


@pytest.mark.parametrize("qos", ["guaranteed", "burstable", "besteffort"])
def test_the_quality_of_service_is_the_cgroups(cri_host: CriHost, qos: str) -> None:
    with pod(cri_host, f"qos-{qos}", qos=qos) as made:
        app = cri_host.start(made, "app", LOOP)
        found = members(snapshot(), made)
        assert {id_: identity(sample).qos for id_, sample in found.items()} == {
            "": qos,
            made.id: qos,
            app.id: qos,
        }


def test_a_static_pod_has_the_hash_of_its_manifest_for_a_uid(any_cri_host: CriHost) -> None:
    # The API server's mirror of it has another uid, but never a cgroup of its own.
    with pod(any_cri_host, "etcd-node1", namespace="kube-system", source="file") as static:
        app = any_cri_host.start(static, "etcd", LOOP)
        assert len(static.uid) == 32
        found = members(snapshot(), static)
        assert found.keys() == {"", static.id, app.id}
        assert identity(found[app.id]).title == "kube-system/etcd-node1/etcd"
        assert identity(found[""]).title == "kube-system/etcd-node1"


def test_a_pods_network_is_told_once_by_its_sandbox(any_cri_host: CriHost) -> None:
    host = any_cri_host
    with pod(host, "net") as net:
        host.start(net, "one", LOOP)
        host.start(net, "two", LOOP)
        host.network.ping(host.network.address(net.pid), 3)
        found = members(snapshot(), net)
        told = {id_: sample.network for id_, sample in found.items() if sample.network is not None}
        assert told.keys() == {net.id}
        (eth0,) = [link for link in told[net.id] if link.interface == "eth0"]
        assert eth0.receive_packets >= 3
        assert eth0.receive_bytes >= 3 * 98


def test_a_pod_on_the_hosts_network_answers_for_no_network(any_cri_host: CriHost) -> None:
    with pod(any_cri_host, "hostnet", host_network=True) as hostnet:
        app = any_cri_host.start(hostnet, "app", LOOP)
        found = members(snapshot(), hostnet)
        assert found.keys() == {"", hostnet.id, app.id}
        assert [sample.network for sample in found.values()] == [None, None, None]
        assert identity(found[app.id]).title == "test/hostnet/app"


def test_two_pods_of_one_name_are_told_apart_by_uid(cri_host: CriHost) -> None:
    with (
        pod(cri_host, "db", namespace="a") as one,
        pod(cri_host, "db", namespace="b") as other,
    ):
        cri_host.start(one, "app", LOOP)
        cri_host.start(other, "app", LOOP)
        found = snapshot()
        titles = [
            {identity(sample).title for sample in members(found, of).values()}
            for of in (one, other)
        ]
        assert titles == [{"a/db", "a/db/app"}, {"b/db", "b/db/app"}]


def test_the_fixture_leaves_no_cgroup_of_a_pod(cri_host: CriHost) -> None:
    with pod(cri_host, "leaves") as made:
        cri_host.start(made, "app", LOOP)
        path = made.cgroup
    mounts = find_hierarchies(read("/proc/self/mountinfo", parse_mountinfo) or ())
    roots = {*mounts.v1.values(), *([mounts.unified] if mounts.unified else [])}
    assert [root for root in roots if Path(f"{root}{path}").exists()] == []
