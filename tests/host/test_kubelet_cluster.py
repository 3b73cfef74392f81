"""A cluster of real programs: owners, mirror pods, and the rights that being told of them needs.

Everything runs on loopback; the API server and the kubelet let nobody in whom RBAC does not.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.host.agent import Page, RunningAgent, agent_run
from tests.host.cluster import ADMIN, NODE_TOKEN, Cluster
from tests.host.cri_containerd import ContainerdEngine
from tests.host.daemon import HostUnavailable, wait_until
from tests.host.kubelet import NODE, Kubelet
from tests.host.kubernetes_programs import PROGRAMS, program
from tests.host.manifests import container, is_running, pod

pytestmark = [pytest.mark.host, pytest.mark.timeout(300)]

DEPLOY = Path(__file__).parents[2] / "deploy" / "kubernetes"
NAMESPACE = "cluster-test"
APP = container("app", ["/bin/sleep", "100000"], requests={"cpu": "50m", "memory": "16Mi"})
OWNERS = {
    "web": ("Deployment", "web"),
    "db": ("StatefulSet", "db"),
    "every": ("DaemonSet", "every"),
    "once": ("Job", "once"),
    "static": ("", ""),
}
"""What a pod's name begins with → its workload."""


def workload(kind: str, name: str, **spec: object) -> dict[str, Any]:
    """One of `APP`'s, of this kind."""
    of_pod = pod(name, APP, labels={"app": name})
    template = {"metadata": {"labels": {"app": name}}, "spec": of_pod["spec"]}
    more: dict[str, object] = {"selector": {"matchLabels": {"app": name}}}
    if kind == "Job":
        template["spec"]["restartPolicy"] = "Never"
        more = {}
    return {
        "apiVersion": "batch/v1" if kind == "Job" else "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"template": template, **more, **spec},
    }


@dataclass(frozen=True, slots=True)
class Scene:
    """The cluster and its node, with pods of every kind of owner."""

    cluster: Cluster
    kubelet: Kubelet

    def uids(self) -> dict[str, str]:
        """Pod → the uid its cgroup has, as the kubelet says."""
        return {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in self.kubelet.pods()}

    @contextmanager
    def agent(self, directory: Path, source: str = "") -> Iterator[RunningAgent]:
        """The agent as the service account that deploy/ has; it asks `source`."""
        create = ("create", "token", "container-agent", "-n", "container-agent")
        token = directory / "token"
        token.write_text(self.cluster.kubectl(*create))
        url = self.kubelet.url if source == "kubelet" else self.cluster.url
        asked = (
            *(f"kubernetes.source={source}", f"kubernetes.url={url}", f"kubernetes.node={NODE}"),
            *(f"kubernetes.token_file={token}", f"kubernetes.ca_file={self.cluster.ca}"),
            *("kubernetes.labels=['app']", "kubernetes.interval=1"),
        )
        with agent_run(
            directory,
            *(f"paths.containerd=['{self.kubelet.engine.root}']", "probes.enabled=false"),
            *("logs.enabled=false", *(asked if source else ())),
        ) as agent:
            yield agent


@pytest.fixture(scope="module")
def scene(host_directory: Path) -> Iterator[Scene]:
    with ExitStack() as stack:
        try:
            for name in PROGRAMS:
                program(name)
            cluster = Cluster(host_directory / "cluster")
            stack.callback(cluster.close)
            directory = host_directory / "cluster-node"
            directory.mkdir()
            kubelet = Kubelet(
                directory,
                ContainerdEngine(directory),
                settings=cluster.node_settings(),
                arguments=(f"--kubeconfig={cluster.kubeconfig(NODE, NODE_TOKEN)}",),
                token=ADMIN,
            )
        except HostUnavailable as reason:
            pytest.skip(f"a cluster: {reason}")
        stack.callback(kubelet.close)
        stack.callback(_remove_workloads, cluster)
        cluster.kubectl("create", "namespace", NAMESPACE)
        cluster.kubectl("create", "namespace", "container-agent")
        cluster.kubectl("create", "serviceaccount", "container-agent", "-n", "container-agent")
        wait_until(lambda: bool(_names(cluster, "serviceaccounts")), 30, "a service account")
        wait_until(lambda: bool(_names(cluster, "nodes")), 30, "the node is known")
        cluster.apply(
            workload("Deployment", "web"),
            workload("StatefulSet", "db", serviceName="db"),
            workload("DaemonSet", "every"),
            workload("Job", "once"),
        )
        kubelet.add(pod("static", APP, namespace=NAMESPACE, labels={"app": "static"}))
        wait_until(lambda: _running(kubelet) == OWNERS.keys(), 90, "all pods run")
        wait_until(lambda: f"static-{NODE}" in _names(cluster, "pods"), 30, "a mirror pod")
        yield Scene(cluster, kubelet)


@pytest.mark.parametrize("source", ["", "kubelet", "api"])
def test_each_pod_has_its_owner_and_the_uid_of_its_cgroup(
    scene: Scene, tmp_path: Path, source: str
) -> None:
    with _right(scene, source), scene.agent(tmp_path, source) as agent:
        if source:
            wait_until(lambda: _up(agent.page()) == [1], 30, f"{source} answers")
            wait_until(lambda: len(_requests(agent.page())) == len(OWNERS), 30, "requests of all")
        page = agent.page()
        uids = scene.uids()
        infos = [labels for labels, _ in page.series("container_info", namespace=NAMESPACE)]
        apps = {labels["pod"]: labels for labels in infos if labels["container"] == "app"}
        assert apps.keys() == uids.keys()
        for name, labels in apps.items():
            owner = (labels["owner_kind"], labels["owner_name"])
            assert owner == OWNERS[name.partition("-")[0]], name
            assert labels["pod_uid"] == uids[name]
        if source:
            assert {cores for _, cores in _requests(page)} == {0.05}
            memory = page.series("container_spec_memory_request_bytes", namespace=NAMESPACE)
            assert {number for _, number in memory} == {16 << 20}
            told = page.series("container_pod_labels", namespace=NAMESPACE)
            assert {labels["label_app"] for labels, _ in told} == OWNERS.keys()


def test_a_mirror_pod_has_another_uid_than_the_cgroup(scene: Scene) -> None:
    mirror = scene.cluster.read("pod", f"static-{NODE}", "-n", NAMESPACE)["metadata"]
    uid = scene.uids()[f"static-{NODE}"]
    assert mirror["uid"] != uid
    assert mirror["annotations"]["kubernetes.io/config.hash"] == uid


@pytest.mark.parametrize("source", ["kubelet", "api"])
def test_without_its_right_the_agent_is_refused_and_says_so(
    scene: Scene, tmp_path: Path, source: str
) -> None:
    other = "api" if source == "kubelet" else "kubelet"
    with _right(scene, other), scene.agent(tmp_path, source) as agent:

        def failures() -> float:
            return sum(number for _, number in agent.page().series("agent_api_failures_total"))

        wait_until(lambda: failures() >= 1, 30, "a refusal")
        assert _up(agent.page()) == [0]
        assert "403" in agent.messages.read_text()
        # The files tell who is who all the same.
        infos = agent.page().series("container_info", namespace=NAMESPACE, container="app")
        assert len(infos) == len(OWNERS)


def test_a_pod_that_comes_and_goes_is_followed_by_the_watch(scene: Scene, tmp_path: Path) -> None:
    with _right(scene, "api"), scene.agent(tmp_path, "api") as agent:
        wait_until(lambda: _up(agent.page()) == [1], 30, "the API answers")
        scene.cluster.kubectl("scale", "deployment/web", "-n", NAMESPACE, "--replicas=2")
        try:
            wait_until(lambda: len(_requests(agent.page())) == len(OWNERS) + 1, 60, "one more")
        finally:
            scene.cluster.kubectl("scale", "deployment/web", "-n", NAMESPACE, "--replicas=1")
        wait_until(lambda: len(_requests(agent.page())) == len(OWNERS), 60, "one less")
        wait_until(lambda: len(scene.uids()) == len(OWNERS), 30, "the pod is gone")


@pytest.mark.parametrize("manifest", sorted(path.name for path in DEPLOY.glob("*.yaml")))
def test_a_real_api_server_takes_what_is_in_deploy(scene: Scene, manifest: str) -> None:
    told = scene.cluster.kubectl(
        *("apply", "--dry-run=server", "--validate=strict", "-f", str(DEPLOY / manifest))
    )
    assert told.count("(server dry run)") == (DEPLOY / manifest).read_text().count("\nkind:")


@contextmanager
def _right(scene: Scene, source: str) -> Iterator[None]:
    """The right to ask `source`, and no other."""
    if not source:
        yield
        return
    manifest = str(DEPLOY / f"rbac-{source}.yaml")
    scene.cluster.kubectl("apply", "-f", manifest)
    try:
        yield
    finally:
        scene.cluster.kubectl("delete", "-f", manifest)


def _up(page: Page) -> list[float]:
    return [number for _, number in page.series("agent_api_up")]


def _requests(page: Page) -> list[tuple[dict[str, str], float]]:
    return page.series("container_spec_cpu_request_cores", namespace=NAMESPACE)


def _running(kubelet: Kubelet) -> set[str]:
    return {
        found["metadata"]["name"].partition("-")[0] for found in kubelet.pods() if is_running(found)
    }


def _names(cluster: Cluster, kind: str) -> list[str]:
    return [item["metadata"]["name"] for item in cluster.read(kind, "-n", NAMESPACE)["items"]]


def _remove_workloads(cluster: Cluster) -> None:
    kinds = "deployments,statefulsets,daemonsets,jobs"
    cluster.kubectl("delete", kinds, "--all", "-n", NAMESPACE, "--wait=false")
    wait_until(lambda: _names(cluster, "pods") == [f"static-{NODE}"], 60, "workloads gone")
