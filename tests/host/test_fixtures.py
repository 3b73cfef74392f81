"""The private runtimes themselves: every other host test trusts what is claimed here."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.host.containerd import ContainerdHost
from tests.host.daemon import CGROUP_ROOT, Daemon, HostUnavailable, last_lines, wait_until
from tests.host.docker import DockerHost
from tests.host.handle import ContainerHandle, ContainerHost
from tests.host.podman import PodmanHost

pytestmark = pytest.mark.host

MIB = 1024 * 1024


@pytest.fixture(params=["docker", "podman", "containerd"])
def any_host(request: pytest.FixtureRequest) -> ContainerHost:
    host = request.getfixturevalue(f"{request.param}_host")
    assert isinstance(host, DockerHost | PodmanHost | ContainerdHost)
    return host


def test_a_container_runs_with_its_limits_and_logs_and_is_gone_after_remove(
    any_host: ContainerHost,
) -> None:
    handle = any_host.run(
        "limited",
        ["/bin/sh", "-c", "echo hello; exec sleep 1000"],
        memory=48 * MIB,
        cpus=0.5,
        labels={"purpose": "test"},
    )
    try:
        assert _limit(handle, "memory", ("memory.limit_in_bytes", "memory.max")) == str(48 * MIB)
        quota = _limit(handle, "cpu", ("cpu.cfs_quota_us", "cpu.max"))
        assert quota in ("50000", "50000 100000")
        interfaces = Path("/proc", str(handle.pid), "net/dev").read_text().splitlines()[2:]
        assert [line.split(":")[0].strip() for line in interfaces] == ["lo"]
        log = Path(handle.log_path)
        wait_until(lambda: log.exists() and "hello" in log.read_text(), 5, "the log line")
    finally:
        any_host.remove("limited")
    assert not Path("/proc", str(handle.pid)).exists()


def test_the_network_can_be_the_hosts(any_host: ContainerHost) -> None:
    handle = any_host.run("shared", ["/bin/sleep", "1000"], network="host")
    try:
        assert os.stat(f"/proc/{handle.pid}/ns/net").st_ino == os.stat("/proc/self/ns/net").st_ino
    finally:
        any_host.remove("shared")


def test_the_image_id_is_the_archives(docker_host: DockerHost, podman_host: PodmanHost) -> None:
    of_docker = docker_host.cli("image", "inspect", "--format", "{{.Id}}", docker_host.image)
    of_podman = podman_host.cli("image", "inspect", "--format", "{{.Id}}", podman_host.image)
    assert of_docker.strip() == docker_host.image_id
    assert "sha256:" + of_podman.strip().removeprefix("sha256:") == docker_host.image_id


def test_a_daemon_that_fails_says_why(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with pytest.raises(HostUnavailable, match=r"sh exited with 3: no disk"):
        Daemon(["/bin/sh", "-c", "echo no disk; exit 3"], log).await_answer(lambda: False)
    assert last_lines(log) == "no disk"


@pytest.mark.parametrize("end", ["failure", "kill"])
def test_a_session_leaves_nothing_behind(tmp_path: Path, end: str, any_host: ContainerHost) -> None:
    """Run pytest in pytest: its test leaves a container, and fails, or its session is killed."""
    host_type = type(any_host).__name__
    inner = tmp_path / "test_inner.py"
    inner.write_text(
        textwrap.dedent(f"""
            import os, signal
            import pytest

            def test_leaves_a_container({any_host.runtime}_host, host_directory):
                handle = {any_host.runtime}_host.run("left", ["/bin/sleep", "7654321"])
                print("LEFT", host_directory, handle.pid, flush=True)
                if {end!r} == "kill":
                    os.kill(os.getpid(), signal.SIGKILL)
                raise AssertionError({host_type!r})
        """)
    )
    first = _pytest(inner)
    found = re.search(r"LEFT (\S+) (\d+)", first)
    assert found, first
    directory, pid = found[1], found[2]
    if end == "kill":
        assert Path(directory).exists()
        inner.write_text("def test_sweeps(host_directory): pass\n")
        assert "1 passed" in _pytest(inner)
    assert not Path(directory).exists()
    assert not Path("/proc", pid).exists()
    assert directory not in Path("/proc/self/mounts").read_text()
    session = Path(directory).name.rpartition("-")[0]
    assert not list(CGROUP_ROOT.glob(f"*/{session}"))


def _pytest(path: Path) -> str:
    conftest = Path(__file__).parents[1] / "conftest.py"
    (path.parent / "conftest.py").write_text(conftest.read_text())
    root = conftest.parents[1]
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-s",
            "-p",
            "no:cacheprovider",
            f"--rootdir={path.parent}",
            "-c",
            os.devnull,
            "-o",
            f"pythonpath={root}",
            str(path),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=root,
    )
    assert isinstance(done.stdout, str)
    return done.stdout + done.stderr


def _limit(handle: ContainerHandle, controller: str, names: tuple[str, str]) -> str:
    """The container's limit from the v1 file, or from the v2 file where the host has that."""
    for line in Path("/proc", str(handle.pid), "cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            return (CGROUP_ROOT / controller / path.strip("/") / names[0]).read_text().strip()
    unified = Path("/proc", str(handle.pid), "cgroup").read_text().strip().removeprefix("0::/")
    return (CGROUP_ROOT / unified / names[1]).read_text().strip()
