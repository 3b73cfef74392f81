"""A real kubelet and the agent beside it: is /metrics/cadvisor of the one on the page of the other?

Every series of the pods' containers, pods, QoS classes, of "/" and of the machine: the same name,
labels and their values, and the number, at the time at which the kubelet looked.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import pytest

from tests.host.agent import RunningAgent, agent_run
from tests.host.daemon import PATIENCE, hierarchies, wait_until
from tests.host.known_differences import DIFFERENCES, is_told_otherwise, reason_of
from tests.host.kubelet import Kubelet
from tests.host.manifests import container, is_running, pod
from tests.host.parity import Scrape, Series, bracket, is_within, missing, parse

pytestmark = [pytest.mark.host, pytest.mark.timeout(300)]

NAMESPACE = "parity"
V1 = len(hierarchies()) > 1
WORK = (
    "while :; do dd if=/dev/zero of=/data/f bs=64k count=4 conv=fsync 2>/dev/null;"
    " x=0; while [ $x -lt 20000 ]; do x=$((x + 1)); done; sleep 0.2; done"
)
SLEEP = ["/bin/sleep", "100000"]
ROUND = 25.0
"""Seconds of pages of ours around the kubelet's: it looks at each container every 10 to 15 s."""
UP_AND_DOWN = re.compile(
    r"container_(?:memory_(?:usage|working_set|rss|cache|mapped|kernel|total_|swap|max_usage)"
    r"|memory_file|fs_(?:usage_bytes|inodes_free)|threads|processes|file_desc|sockets)"
)
"""Gauges that change between two looks, and not always and only upwards."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Pods that run, and what both said of them."""

    kubelet: Kubelet
    theirs: Series
    ours: tuple[Scrape, ...]

    def last(self) -> Series:
        """The last page of ours."""
        return self.ours[-1].page


@pytest.fixture(scope="module")
def scene(kubelet: Kubelet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    quarter = {"cpu": "250m", "memory": "48Mi"}
    data = {"name": "data", "mountPath": "/data"}
    busy = container(
        "app",
        ["/bin/sh", "-c", WORK],
        requests={"cpu": "100m", "memory": "16Mi"},
        limits={"cpu": "200m", "memory": "64Mi"},
        volumeMounts=[data],
    )
    volume = {"name": "data", "emptyDir": {}}
    manifests = (
        pod("web", busy, container("side", SLEEP), namespace=NAMESPACE, volumes=[volume]),
        pod(
            "whole", container("app", SLEEP, requests=quarter, limits=quarter), namespace=NAMESPACE
        ),
        pod("hostnet", container("app", SLEEP), namespace=NAMESPACE, hostNetwork=True),
    )
    names = [manifest["metadata"]["name"] for manifest in manifests]
    try:
        for manifest in manifests:
            kubelet.add(manifest)
        for name in names:
            kubelet.await_pod(name, is_running)
        directory = tmp_path_factory.mktemp("parity")
        with agent_run(directory, "logs.enabled=false", "probes.enabled=false") as agent:
            wait_until(lambda: len(_containers(_theirs(kubelet))) == 4, 60, "the kubelet's look")
            ours = []
            end = time.monotonic() + ROUND
            while time.monotonic() < end:
                ours.append(_scrape(agent, kubelet))
                time.sleep(0.5)
            theirs = _theirs(kubelet)
            # Once more, after it: its last look is seconds ago.
            time.sleep(2)
            ours.append(_scrape(agent, kubelet))
        yield Scene(kubelet, theirs, tuple(ours))
    finally:
        for name in names:
            kubelet.remove(name)
        wait_until(lambda: not any(kubelet.pod(name) for name in names), 60, "the pods gone")


def test_every_series_of_the_kubelets_is_on_our_page_or_has_a_reason_not_to_be(
    scene: Scene,
) -> None:
    unexplained = [key for key in missing(scene.theirs, scene.last()) if reason_of(key) is None]
    assert unexplained == [], "\n".join(map(str, unexplained))


def test_every_reason_is_one_that_is_needed(scene: Scene) -> None:
    used = {reason_of(key) for key in missing(scene.theirs, scene.last())}
    assert [found.reason for found in DIFFERENCES if found not in used and found.always] == []


def test_types_are_the_kubelets(scene: Scene) -> None:
    both = scene.theirs.names & scene.last().names
    different = {name for name in both if scene.theirs.types[name] != scene.last().types[name]}
    # No format lets a counter be called so, and inodes in use are no counter.
    assert different <= {"container_memory_failcnt", "container_fs_inodes_total"}


def test_what_both_have_is_of_every_kind_of_cgroup(scene: Scene) -> None:
    """That the other tests do not hold because there was nothing to compare."""
    both = [
        dict(labels) for name, labels in scene.theirs.told if (name, labels) in scene.last().told
    ]
    cgroups = scene.kubelet.cgroup
    depths = {found["id"].removeprefix(cgroups).count("/") for found in both if "id" in found}
    assert depths == {1, 2, 3, 4}
    containers = {(found["pod"], found["container"]) for found in both if found.get("pod")}
    assert containers == {
        ("web-node1", "app"),
        ("web-node1", "side"),
        ("whole-node1", "app"),
        ("hostnet-node1", "app"),
        *((f"{name}-node1", "") for name in ("web", "whole", "hostnet")),
    }
    assert len(both) > 500


def test_every_number_is_ours_at_the_time_of_the_kubelets_look(scene: Scene) -> None:
    wrong = []
    compared = 0
    for key, told in scene.theirs.told.items():
        name, labels = key[0], dict(key[1])
        if key not in scene.last().told or is_told_otherwise(name, labels, v1=V1):
            continue
        values = bracket(scene.ours, key, told.at) if told.at else [scene.last().told[key].value]
        if not values:
            continue
        compared += 1
        if not is_within(told.value, values, *_tolerance(name, labels)):
            wrong.append((name, labels, told.value, min(values), max(values)))
    assert wrong == [], "\n".join(map(str, wrong))
    assert compared > 400


def _tolerance(name: str, labels: Mapping[str, str]) -> tuple[float, float]:
    """How far the kubelet's number may be from ours: (parts of it, its units)."""
    if name == "container_start_time_seconds":
        # Whole seconds; and it says when the container was made.
        return 0.0, 3.0 * PATIENCE
    if V1 and name in ("container_cpu_user_seconds_total", "container_cpu_system_seconds_total"):
        # cpuacct.stat has whole ticks, given to one or the other by what ran at the tick.
        return 0.1, 0.1
    if UP_AND_DOWN.match(name) and not labels.get("pod", "").startswith(("whole", "hostnet")):
        # It changes between two pages of ours, too: a process of the loop comes and goes.
        return 0.15, 4e6 if "memory" in name or "bytes" in name else 4.0
    return 0.0, 1e-6


def _is_of(kubelet: Kubelet) -> Callable[[Mapping[str, str]], bool]:
    """Whether a series is of the node's cgroups, of "/" or of the machine."""
    below = f"{kubelet.cgroup}/"
    return lambda labels: labels.get("id", "/") == "/" or labels["id"].startswith(below)


def _theirs(kubelet: Kubelet) -> Series:
    return parse(kubelet.get("/metrics/cadvisor").decode(), _is_of(kubelet))


def _scrape(agent: RunningAgent, kubelet: Kubelet) -> Scrape:
    begun = time.time()
    text = agent.page().text
    return Scrape(begun, time.time(), parse(text, _is_of(kubelet)))


def _containers(page: Series) -> set[tuple[str, str]]:
    """(pod, container) of each there is CPU time of."""
    told = [
        dict(labels) for name, labels in page.told if name == "container_cpu_usage_seconds_total"
    ]
    return {(labels["pod"], labels["container"]) for labels in told if labels.get("container")}
