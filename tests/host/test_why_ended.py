"""`agent why` and `agent inspect` of real containers that do not run at the moment."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from agent.container.podman_ends import read_state
from tests.host.agent import RunningAgent, agent_run, command
from tests.host.cri import CriHost
from tests.host.daemon import PATIENCE, wait_until
from tests.host.docker import DockerHost
from tests.host.podman import PodmanHost

pytestmark = [pytest.mark.host, pytest.mark.timeout(180)]

FAILS = ("sh", "-c", "echo no database >&2; exit 3")
HUNGRY = ("sh", "-c", "exec dd if=/dev/zero of=/dev/null bs=64M count=4")


def told(verb: str, target: str, *settings: str) -> Any:
    """The JSON of a command about one container."""
    options = [part for setting in settings for part in ("--set", setting)]
    done = subprocess.run(
        command(verb, target, "-o", "json", *options),
        capture_output=True,
        timeout=60 * PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return orjson.loads(done.stdout)


def verdict(target: str, *settings: str) -> Any:
    (found,) = told("why", target, *settings)["containers"]
    return found


def rules(found: Any) -> list[str]:
    return [finding["rule"] for finding in found["findings"]]


def says(found: Any) -> list[str]:
    return [evidence["says"] for evidence in found["findings"][0]["evidence"]]


def ends(agent: RunningAgent, least: int, **labels: str) -> Callable[[], bool]:
    """Whether the agent saw so many ends of it."""
    return lambda: (
        sum(value for _, value in agent.page().series("container_exits_total", **labels)) >= least
    )


def inspected(host: DockerHost, name: str, field: str) -> str:
    return host.cli("inspect", "-f", f"{{{{.{field}}}}}", name).strip()


def crash(host: CriHost, pod: Any, attempts: int) -> str:
    """Start a container that fails so often, as the kubelet does; the id of the last run."""
    for attempt in range(attempts):
        handle = host.start(pod, "app", FAILS, attempt=attempt)
        wait_until(lambda id_=handle.id: host.exited(id_) is not None, 20, "its end")  # type: ignore[misc]
    return handle.id


def test_a_pod_in_back_off_is_explained_by_the_history(cri_host: CriHost, tmp_path: Path) -> None:
    settings = (f"paths.containerd=['{cri_host.root}']", f"paths.pod_logs={cri_host.pod_logs}")
    pod = cri_host.run_pod("looping", namespace="shop")
    try:
        with agent_run(tmp_path, *settings) as agent:
            crash(cri_host, pod, 4)
            wait_until(ends(agent, 4, pod="looping"), 30, "all ends are counted")
            wait_until(
                lambda: bool(
                    agent.page().series("agent_finding", pod="looping", rule="crash_loop")
                ),
                30,
                "the page has its finding",
            )
            place = f"history.directory={tmp_path}/history"
            found = verdict("shop/looping", place, *settings)
            shown = told("inspect", "shop/looping", place, *settings)
    finally:
        cri_host.remove(pod)
    assert (found["name"], rules(found)) == ("shop/looping/app", ["crash_loop"])
    assert found["ended"]["exit_code"] == 3
    assert found["ended"]["reason"] == "Error"
    assert found["ended"]["restarts"] == 3
    assert len(found["ended"]["down_seconds_before"]) == 3
    assert "3 restarts so far" in says(found)
    assert "it printed: no database" in says(found)
    assert shown["title"] == "shop/looping/app"
    assert [e["event"] for e in shown["events"]] == ["started", "exited"] * 4


def test_a_pod_in_back_off_is_explained_where_no_agent_runs(
    any_cri_host: CriHost, tmp_path: Path
) -> None:
    host = any_cri_host
    settings = (
        f"logs.state={tmp_path}",
        f"paths.containerd=['{host.root}']",
        f"paths.podman=['{host.root}']",
        f"paths.pod_logs={host.pod_logs}",
    )
    pod = host.run_pod("waiting", namespace="shop")
    try:
        id_ = crash(host, pod, 4)
        found = verdict("shop/waiting", *settings)
        shown = told("inspect", id_[:12], *settings)
    finally:
        host.remove(pod)
    assert (found["name"], found["id"], rules(found)) == ("shop/waiting/app", id_, ["crash_loop"])
    assert (found["ended"]["exit_code"], found["ended"]["restarts"]) == (3, 3)
    assert "it printed: no database" in says(found)
    assert shown["ended"]["exit_code"] == 3
    assert shown["container"]["pod"] == "waiting"


def test_of_a_pod_of_which_a_part_runs_what_failed_is_told_beside_it(
    cri_host: CriHost, tmp_path: Path
) -> None:
    settings = (
        f"logs.state={tmp_path}",
        f"paths.containerd=['{cri_host.root}']",
        f"paths.pod_logs={cri_host.pod_logs}",
    )
    pod = cri_host.run_pod("half", namespace="shop")
    try:
        cri_host.start(pod, "proxy", ["sleep", "600"])
        crash(cri_host, pod, 4)
        told_of = told("why", "shop/half", *settings)["containers"]
    finally:
        cri_host.remove(pod)
    by_name = {found["name"]: found for found in told_of}
    assert set(by_name) == {"shop/half/proxy", "shop/half/app"}
    assert by_name["shop/half/proxy"]["ended"] is None
    assert rules(by_name["shop/half/app"]) == ["crash_loop"]


def test_a_container_that_docker_waits_to_start_again_is_a_crash_loop(
    docker_host: DockerHost, tmp_path: Path
) -> None:
    name = "ended-looping"
    settings = (f"logs.state={tmp_path}", f"paths.docker=['{docker_host.root}']")
    docker_host.cli("run", "-d", "--name", name, "--restart=always", docker_host.image, *FAILS)
    try:
        # It waits 0.1 s at first and twice as long each time: at the sixth, 6.4 s.
        wait_until(
            lambda: int(inspected(docker_host, name, "RestartCount")) >= 6,
            60,
            "it was restarted six times",
        )
        found = verdict(name, *settings)
    finally:
        docker_host.remove(name)
    assert rules(found) == ["crash_loop"]
    assert found["ended"]["restarting"] is True
    assert found["ended"]["exit_code"] == 3
    assert found["ended"]["restarts"] >= 6
    assert "it printed: no database" in says(found)


def test_one_that_the_oom_killer_ended_says_so(docker_host: DockerHost, tmp_path: Path) -> None:
    name = "ended-oom"
    settings = (f"logs.state={tmp_path}", f"paths.docker=['{docker_host.root}']")
    docker_host.run(name, HUNGRY, memory=16 << 20)
    try:
        wait_until(lambda: inspected(docker_host, name, "State.Status") == "exited", 30, "its end")
        found = verdict(name, *settings)
    finally:
        docker_host.remove(name)
    assert rules(found) == []
    assert found["ended"]["exit_code"] == 137
    assert found["ended"]["reason"] == "OOMKilled"
    assert found["ended"]["restarting"] is False


def test_a_container_of_podmans_that_ended(any_podman_host: PodmanHost, tmp_path: Path) -> None:
    host = any_podman_host
    name = "ended-podman"
    settings = (f"logs.state={tmp_path}", f"paths.podman=['{host.root}']")
    handle = host.run(name, FAILS)
    try:
        # `podman inspect` says so before it is written down.
        root = str(host.root)
        wait_until(lambda: (read_state(root, handle.id) or {}).get("exitCode") == 3, 30, "its end")
        found = verdict(name, *settings)
    finally:
        host.remove(name)
    assert (found["runtime"], found["ended"]["exit_code"]) == ("podman", 3)
    assert found["ended"]["reason"] == "Error"
