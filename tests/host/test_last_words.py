"""Real containers end in the middle of a line: it is delivered when they have, not a minute later.

None of them is removed: that their log is still there is the point.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from agent.config import HostPaths
from tests.host.cri import CriHost
from tests.host.docker import DockerHost
from tests.host.podman import PodmanHost
from tests.host.test_log_rotation import Output, start
from tests.log_host import Worker, wait_for

pytestmark = pytest.mark.host

SOON = 20
"""Seconds, on a busy machine. A line that nobody knows the end of waits for 60."""
SAYS = "echo first; printf 'prompt> '; sleep 4; printf 'last words'"


def await_last_words(out: Output, worker: Worker, ends_at: float) -> None:
    wait_for(lambda: "first" in out.texts(), 30, "the first line")
    if time.monotonic() < ends_at:
        assert out.texts() == ["first"], "a prompt is no line"
    wait_for(lambda: len(out.texts()) > 1, SOON, "the last words")
    assert out.texts() == ["first", "prompt> last words"]
    assert worker.stop() == 0
    assert worker.stats is not None
    assert [c.lost for c in worker.stats.containers if c.name == out.name] in ([{}], [])


@pytest.mark.parametrize("driver", ["json-file", "local"])
def test_docker(docker_host: DockerHost, tmp_path: Path, driver: str) -> None:
    paths = HostPaths(
        docker=(str(docker_host.root),),
        pod_logs=str(tmp_path / "pods"),
        podman=(),
        run=str(tmp_path / "run"),
    )
    out, given = start(tmp_path, paths, "container_name", f"last-{driver}")
    with Worker(given, tmp_path / "errors") as worker:
        wait_for(lambda: worker.stats is not None, 10, "the worker runs")
        docker_host.run(out.name, ["/bin/sh", "-c", SAYS], options=["--log-driver", driver])
        try:
            await_last_words(out, worker, time.monotonic() + 2)
        finally:
            docker_host.remove(out.name)


def test_podman(podman_host: PodmanHost, tmp_path: Path) -> None:
    paths = HostPaths(
        docker=(str(tmp_path / "docker"),),
        podman=(str(podman_host.root),),
        pod_logs=str(tmp_path / "pods"),
        run=str(tmp_path / "run"),
    )
    out, given = start(tmp_path, paths, "container_name", "last-podman")
    with Worker(given, tmp_path / "errors") as worker:
        wait_for(lambda: worker.stats is not None, 10, "the worker runs")
        podman_host.run(out.name, ["/bin/sh", "-c", SAYS])
        try:
            await_last_words(out, worker, time.monotonic() + 2)
        finally:
            podman_host.remove(out.name)


def test_kubernetes(any_cri_host: CriHost, tmp_path: Path) -> None:
    paths = HostPaths(
        docker=(str(tmp_path / "docker"),),
        podman=(),
        containerd=(str(any_cri_host.root),),
        pod_logs=str(any_cri_host.pod_logs),
        run=str(tmp_path / "run"),
    )
    out, given = start(tmp_path, paths, "pod", "last-words")
    pod = any_cri_host.run_pod("last-words")
    try:
        with Worker(given, tmp_path / "errors") as worker:
            wait_for(lambda: worker.stats is not None, 10, "the worker runs")
            any_cri_host.start(pod, "app", ["/bin/sh", "-c", SAYS])
            await_last_words(out, worker, time.monotonic() + 2)
    finally:
        any_cri_host.remove(pod)
