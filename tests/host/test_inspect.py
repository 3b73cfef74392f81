"""`agent inspect` on real containers of Docker, Podman and containerd: all it promises is told."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from agent.history.ring import Bounds, Ring
from tests.host.agent import command
from tests.host.containerd import ContainerdHost
from tests.host.cri import CriHost
from tests.host.daemon import PATIENCE
from tests.host.docker import DockerHost
from tests.host.podman import PodmanHost

pytestmark = pytest.mark.host

ARGS = ("/bin/sh", "-c", "exec sleep 600", "--password=hunter2")
RUNTIMES = ("docker", "podman", "containerd")


@pytest.fixture(scope="module")
def told(
    docker_host: DockerHost,
    podman_host: PodmanHost,
    containerd_host: ContainerdHost,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, Any]]:
    """Runtime → what `agent inspect -o json` says of a container of it."""
    state = tmp_path_factory.mktemp("state")
    Ring(f"{state}/history", Bounds(1_000_000, 3600)).close()
    hosts = {"docker": docker_host, "podman": podman_host, "containerd": containerd_host}
    started, found = [], {}
    try:
        for runtime, host in hosts.items():
            name = f"inspect-{runtime}"
            host.run(name, ARGS, memory=64 << 20, cpus=0.5)  # type: ignore[attr-defined]
            started.append((host, name))
            found[runtime] = _inspect(
                name,
                f"logs.state={state}",
                f"paths.podman=['{podman_host.root}']",
                f"paths.containerd=['{containerd_host.root}']",
            )
        yield found
    finally:
        for host, name in started:
            host.remove(name)  # type: ignore[attr-defined]


def test_it_tells_a_pods_container_and_its_entrypoint(cri_host: CriHost, tmp_path: Path) -> None:
    pod = cri_host.run_pod("inspected", namespace="shop")
    try:
        mounts = {"/data": str(tmp_path)}
        cri_host.start(pod, "app", list(ARGS), attempt=2, memory=64 << 20, cpus=0.5, mounts=mounts)
        one = _inspect(
            "shop/inspected/app",
            f"logs.state={tmp_path}",
            f"paths.containerd=['{cri_host.root}']",
        )
    finally:
        cri_host.remove(pod)
    process = one["process"]
    assert (process["entrypoint"], process["command"]) == ([], process["args"])
    assert process["args"][-1] == "--password=[redacted]"
    assert "POD_NAME" in process["env_names"]
    assert process["namespaces"]["net"] == "own"
    assert one["container"]["restarts"] == 2
    assert one["limits"][0]["memory"] == {"limit": 64 << 20, "unlimited": False}
    assert {"source": str(tmp_path), "destination": "/data"}.items() <= one["mounts"][0].items()
    assert one["security"]["failed"]
    assert one["events"] is None  # nobody keeps a history there


def _inspect(name: str, *settings: str) -> Any:
    options = [word for setting in settings for word in ("--set", setting)]
    done = subprocess.run(
        [*command("inspect", name, "-o", "json"), *options],
        capture_output=True,
        timeout=60 * PATIENCE,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr.decode()
    return orjson.loads(done.stdout)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_it_tells_what_was_started(runtime: str, told: dict[str, Any]) -> None:
    process = told[runtime]["process"]
    assert process["args"][:2] == ["/bin/sh", "-c"]
    assert "hunter2" not in orjson.dumps(told[runtime]).decode()
    # The image was found: it has no entrypoint, and the command is not its own.
    assert process["entrypoint"] == []
    assert process["command"] == process["args"]
    assert process["command_of_image"] is False
    assert "PATH" in process["env_names"]
    assert not any("=" in name for name in process["env_names"])


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_it_tells_limits_mounts_namespaces_and_findings(runtime: str, told: dict[str, Any]) -> None:
    one = told[runtime]
    assert one["limits"][0]["memory"] == {"limit": 64 << 20, "unlimited": False}
    assert one["limits"][0]["cpu"] == {"limit": 0.5, "unlimited": False}
    assert one["process"]["namespaces"]["pid"] == "own"
    assert isinstance(one["mounts"], list)
    assert "root_user" in [finding["check"] for finding in one["security"]["failed"]]
    assert one["image"]["id"].startswith("sha256:")
    assert one["events"] == []
    assert one["unreadable"] == []
