"""What a real kubelet does to pods, and what the agent says of it: restarts, ends, kinds of
containers, limits, volumes, names."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.host.agent import Page, agent_run, command
from tests.host.daemon import wait_until
from tests.host.kubelet import Kubelet
from tests.host.manifests import container, container_id, is_running, pod
from tests.host.test_lifecycle import HOG, following

pytestmark = [pytest.mark.host, pytest.mark.timeout(240)]

NAMESPACE = "ends"
FOREVER = "exec sleep 100000"
OOM_LIMIT = {"memory": "32Mi", "cpu": "1"}


def sh(script: str) -> list[str]:
    return ["/bin/sh", "-c", script]


MANIFESTS = (
    pod("crash", container("app", sh("echo dying; exit 3")), namespace=NAMESPACE),
    pod(
        "oom",
        container("app", sh(f"sleep 1; {HOG}"), limits=OOM_LIMIT, requests=OOM_LIMIT),
        namespace=NAMESPACE,
    ),
    pod("done", container("app", sh("exit 0")), namespace=NAMESPACE, restartPolicy="OnFailure"),
    pod(
        "sick",
        container(
            "app",
            sh(FOREVER),
            livenessProbe={
                "exec": {"command": ["/bin/false"]},
                "periodSeconds": 1,
                "failureThreshold": 2,
                "initialDelaySeconds": 1,
            },
        ),
        namespace=NAMESPACE,
    ),
    pod(
        "staged",
        container(
            "app",
            sh(FOREVER),
            requests={"cpu": "250m", "memory": "16Mi"},
            limits={"cpu": "500m", "memory": "64Mi"},
            volumeMounts=[{"name": "scratch", "mountPath": "/scratch"}],
        ),
        namespace=NAMESPACE,
        labels={"app": "staged"},
        initContainers=[
            container(
                "first",
                sh("dd if=/dev/zero of=/scratch/f bs=1M count=3"),
                volumeMounts=[{"name": "scratch", "mountPath": "/scratch"}],
            ),
            container("proxy", sh(FOREVER), restartPolicy="Always"),
        ],
        volumes=[{"name": "scratch", "emptyDir": {}}],
    ),
)


LOOPING = {"crash-node1", "oom-node1", "sick-node1"}


@dataclass(frozen=True, slots=True)
class Scene:
    """The pods after a while."""

    kubelet: Kubelet
    page: Page
    events: list[dict[str, Any]]
    settings: tuple[str, ...]

    def pod(self, name: str) -> dict[str, Any]:
        """What the kubelet says of one."""
        return self.kubelet.pod(name)

    def of(self, name: str, event: str) -> list[dict[str, Any]]:
        """The events of one pod of one kind."""
        return [e for e in self.events if e["pod"] == f"{name}-node1" and e["event"] == event]

    def told(self, *arguments: str) -> Any:
        """What a command of the agent's prints as JSON."""
        options = [part for setting in self.settings for part in ("--set", setting)]
        done = subprocess.run(
            command(*arguments, "-o", "json", *options), capture_output=True, timeout=60, check=True
        )
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def scene(kubelet: Kubelet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    settings = (
        f"paths.containerd=['{kubelet.engine.root}']",
        f"paths.pod_logs={kubelet.pod_logs}",
        "logs.enabled=false",
        "probes.enabled=false",
        "filesystem.interval=5",
    )
    names = [manifest["metadata"]["name"] for manifest in MANIFESTS]
    directory = tmp_path_factory.mktemp("ends")
    (directory / "events").mkdir()
    try:
        with (
            agent_run(directory, *settings) as agent,
            following(directory / "events", *settings) as events,
        ):
            for manifest in MANIFESTS:
                kubelet.add(manifest)
            for name in ("crash", "oom", "sick"):
                kubelet.await_pod(name, _restarted_twice, 90)
            kubelet.await_pod("staged", is_running)
            wait_until(lambda: _volume(agent.page()) != [], 30, "the volume is measured")
            # The kubelet counts a restart before the container starts, and a page is a moment old.
            wait_until(lambda: _looping(agent.page()) >= LOOPING, 60, "the crash loops are found")
            page = agent.page()
            yield Scene(kubelet, page, events.of(""), settings)
    finally:
        for name in names:
            if (kubelet.manifests / f"{name}.json").exists():
                kubelet.remove(name)
        wait_until(lambda: not any(kubelet.pod(name) for name in names), 60, "the pods gone")


@pytest.mark.parametrize(
    ("name", "code", "signal", "reason"),
    [
        ("crash", 3, None, "Error"),
        ("oom", 137, 9, "OOMKilled"),
        ("sick", 137, 9, "Error"),
        ("done", 0, None, "Completed"),
    ],
)
def test_an_end_has_the_kubelets_code_and_reason_and_attempts_count_up(
    scene: Scene, name: str, code: int, signal: int | None, reason: str
) -> None:
    ends = scene.of(name, "exited")
    told = {(end["exit_code"], end["signal"], end["reason"]) for end in ends}
    assert told == {(code, signal, reason)}
    assert [end["attempt"] for end in ends] == list(range(len(ends)))
    assert len(ends) >= (1 if name == "done" else 2)
    (status,) = scene.pod(name)["status"]["containerStatuses"]
    last = status["lastState"].get("terminated") or status["state"]["terminated"]
    assert (last["exitCode"], last["reason"]) == (code, reason)


def test_restarts_and_ends_on_the_page_are_the_kubelets(scene: Scene) -> None:
    for name in ("crash", "oom", "sick", "done"):
        of = {"namespace": NAMESPACE, "pod": f"{name}-node1", "container": "app"}
        restarts = scene.page.value("container_restarts_total", **of)
        (status,) = scene.pod(name)["status"]["containerStatuses"]
        # It may have been restarted once more since.
        assert restarts <= status["restartCount"] <= restarts + 1
        assert restarts >= (0 if name == "done" else 2)
        told = scene.page.series("container_exits_total", **of)
        ((labels, ends),) = [each for each in told if each[1]]
        assert labels["reason"] == scene.of(name, "exited")[0]["reason"]
        assert restarts <= ends <= restarts + 1


def test_an_init_container_ends_before_its_sidecar_and_the_app_start(scene: Scene) -> None:
    moments = [
        (event["container"], event["event"])
        for event in sorted(scene.events, key=lambda event: event["time"])
        if event["pod"] == "staged-node1"
    ]
    assert moments == [
        ("first", "started"),
        ("first", "exited"),
        ("proxy", "started"),
        ("app", "started"),
    ]


def test_a_static_pods_uid_is_that_of_its_manifest_everywhere(scene: Scene) -> None:
    uid = scene.pod("staged")["metadata"]["uid"]
    assert len(uid) == 32
    infos = scene.page.series("container_info", namespace=NAMESPACE, pod="staged-node1")
    assert {labels["pod_uid"] for labels, _ in infos} == {uid}
    assert {labels["qos"] for labels, _ in infos} == {"burstable"}
    assert {labels["container"] for labels, _ in infos} == {"", "proxy", "app"}
    cgroup = f"{scene.kubelet.cgroup}/kubepods/burstable/pod{uid}"
    metric = "container_cpu_usage_seconds_total"
    told = scene.page.series(metric, namespace=NAMESPACE, pod="staged-node1")
    assert all(labels["id"].startswith(cgroup) for labels, _ in told)
    assert [labels["container"] for labels, _ in told if labels["id"] == cgroup] == [""]


def test_requests_and_limits_are_what_the_kubelet_made_of_them(scene: Scene) -> None:
    of = {"namespace": NAMESPACE, "pod": "staged-node1", "container": "app"}
    assert scene.page.value("container_spec_memory_limit_bytes", **of) == 64 << 20
    quota = scene.page.value("container_spec_cpu_quota", **of)
    assert quota / scene.page.value("container_spec_cpu_period", **of) == 0.5
    # 250m of 1024; on cgroup v2 the weight is rounded.
    assert scene.page.value("container_spec_cpu_shares", **of) == pytest.approx(256, abs=27)


def test_an_empty_dir_is_measured_for_who_has_it_mounted(scene: Scene) -> None:
    ((labels, used),) = _volume(scene.page)
    assert (labels["container"], labels["volume"]) == ("app", "scratch")
    assert labels["mountpoint"] == "/scratch"
    assert 3 << 20 <= used < 4 << 20


def test_the_commands_name_a_container_as_the_kubelet_does(scene: Scene) -> None:
    status = scene.pod("staged")
    target = f"{NAMESPACE}/staged-node1/app"
    shown = scene.told("inspect", target)
    assert container_id(status, "app") in json.dumps(shown)
    names = {found["name"] for found in scene.told("ps")["containers"]}
    assert {target, f"{NAMESPACE}/staged-node1/proxy"} <= names
    assert f"{NAMESPACE}/staged-node1/first" not in names


def test_a_crash_loop_is_a_finding_also_while_the_kubelet_waits(scene: Scene) -> None:
    assert _looping(scene.page) >= LOOPING


def _looping(page: Page) -> set[str]:
    """Pods whose container was restarted twice and is said to loop."""
    return {
        labels["pod"]
        for labels, _ in page.series("agent_finding", namespace=NAMESPACE, rule="crash_loop")
        if page.value(
            "container_restarts_total", namespace=NAMESPACE, pod=labels["pod"], container="app"
        )
        >= 2
    }


def _restarted_twice(found: dict[str, Any]) -> bool:
    statuses = found["status"].get("containerStatuses", [])
    return bool(statuses) and statuses[0]["restartCount"] >= 2


def _volume(page: Page) -> list[tuple[dict[str, str], float]]:
    metric = "container_volume_used_bytes"
    return page.series(metric, namespace=NAMESPACE, pod="staged-node1", volume_type="emptyDir")
