"""Filesystem usage of real containers, by the real agent, against `du`; and a mount that hangs."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import agent.filesystem.watcher
from agent.config import FilesystemConfig, HostPaths
from agent.filesystem.target import Target
from agent.filesystem.watcher import FilesystemWatcher
from tests.host.agent import RunningAgent, agent_run
from tests.host.containerd import ContainerdHost
from tests.host.daemon import wait_until
from tests.host.docker import DockerHost
from tests.host.handle import ContainerHandle, ContainerHost
from tests.host.podman import PodmanHost

pytestmark = [pytest.mark.host, pytest.mark.timeout(360)]

MIB = 1024 * 1024
WORK = """
dd if=/dev/zero of=/big bs=1M count=5 2>/dev/null; ln /big /again
dd if=/dev/zero of=/sparse bs=1 count=1 seek=1000000000 2>/dev/null
mkdir /many; i=0; while [ $i -lt 500 ]; do echo $i > /many/$i; i=$((i+1)); done
rm -f /bin/true
dd if=/dev/zero of=/scratch/t bs=1M count=2 2>/dev/null
dd if=/dev/zero of=/data/d bs=1M count=3 2>/dev/null
touch /done
while [ ! -e /go ]; do sleep 0.1; done
rm /big /again; touch /removed
sleep 600
"""


def du(path: str) -> int:
    done = subprocess.run(["du", "-sx", "--block-size=1", path], capture_output=True, check=True)
    return int(done.stdout.split()[0])


def upper_directory(pid: int) -> str:
    for line in Path(f"/proc/{pid}/mountinfo").read_text().splitlines():
        if line.split()[4] == "/":
            found = re.search(r"upperdir=([^,]+)", line)
            assert found is not None, line
            return found[1]
    raise AssertionError(f"{pid} has no root")


@pytest.fixture(scope="module")
def watching(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAgent]:
    settings = ("filesystem.interval=1", "filesystem.full_interval=1", "probes.enabled=false")
    with agent_run(tmp_path_factory.mktemp("filesystem"), "logs.enabled=false", *settings) as agent:
        yield agent


def check(
    agent: RunningAgent, host: ContainerHost, handle: ContainerHandle, volume: tuple[str, int]
) -> None:
    """`volume` is the type its mount at /data should have, and its least size."""
    root = Path(f"/proc/{handle.pid}/root")
    wait_until((root / "done").exists, 30, f"{host.runtime} container has written")
    upper = upper_directory(handle.pid)
    name = handle.name

    def usage() -> float:
        page = agent.page()
        found = page.series("container_fs_usage_bytes", name=name)
        logs = page.series("container_fs_log_bytes", name=name)
        return sum(value for _, value in found) - sum(value for _, value in logs)

    # What is on the disk settles when the kernel allocates the blocks it delayed.
    # And the agent takes its time where other tests' containers have much to walk.
    wait_until(lambda: usage() == du(upper), 90, f"{host.runtime}: du of {upper}")
    assert 5 * MIB < usage() < 10 * MIB
    wait_until(
        lambda: bool(
            agent.page().series("container_volume_used_bytes", name=name, mountpoint="/data")
        ),
        90,
        "its volume is measured",
    )
    page = agent.page()
    assert page.value("container_fs_usage_complete", name=name) == 1
    assert 0 <= page.value("container_fs_usage_age_seconds", name=name) < 60
    (labels, limit) = page.series("container_fs_limit_bytes", name=name)[0]
    filled = os.statvfs(upper)
    assert limit == filled.f_blocks * filled.f_frsize
    assert page.value("container_fs_inodes_total", name=name) == filled.f_files
    (on_host,) = page.series("container_fs_limit_bytes", id="/", device=labels["device"])
    assert on_host[1] == limit
    # many, its 500, big once, sparse, done, the layer itself, and the mount points if need be
    assert 505 <= page.value("container_fs_inodes_used", name=name) < 520

    scratch = page.labels("container_volume_used_bytes", name=name, mountpoint="/scratch")
    assert scratch["volume_type"] == "tmpfs"
    assert page.value("container_volume_used_bytes", name=name, mountpoint="/scratch") == 2 * MIB
    data = page.labels("container_volume_used_bytes", name=name, mountpoint="/data")
    assert data["volume_type"] == volume[0]
    size = page.value("container_volume_used_bytes", name=name, mountpoint="/data")
    assert size >= volume[1]

    (root / "go").touch()
    wait_until((root / "removed").exists, 30, "the container has removed its files")
    wait_until(lambda: usage() == du(upper), 90, "du after the deletion")
    assert usage() < 5 * MIB


def test_docker_layers_tmpfs_and_volumes_are_what_du_says(
    docker_host: DockerHost, watching: RunningAgent
) -> None:
    handle = docker_host.run(
        "fs-docker",
        ("/bin/sh", "-c", WORK),
        options=("--volume", "fsvol:/data", "--tmpfs", "/scratch"),
    )
    try:
        check(watching, docker_host, handle, ("docker", 3 * MIB))
        page = watching.page()
        volume = page.labels("container_volume_used_bytes", name="fs-docker", mountpoint="/data")
        assert volume["volume"] == "fsvol"
        place = str(docker_host.root / "volumes/fsvol/_data")
        wait_until(
            lambda: (
                watching.page().value(
                    "container_volume_used_bytes", name="fs-docker", mountpoint="/data"
                )
                == du(place)
            ),
            90,
            f"du of {place}",
        )
    finally:
        docker_host.remove("fs-docker")
        docker_host.cli("volume", "rm", "fsvol")


def test_podman_layers_tmpfs_and_volumes_are_what_du_says(
    podman_host: PodmanHost, watching: RunningAgent
) -> None:
    handle = podman_host.run(
        "fs-podman",
        ("/bin/sh", "-c", WORK),
        options=("--volume", "fsvol:/data", "--tmpfs", "/scratch"),
    )
    try:
        # Its volume directory is the test's own, so it is not below …/storage/.
        check(watching, podman_host, handle, ("docker", 3 * MIB))
    finally:
        podman_host.remove("fs-podman")
        podman_host.cli("volume", "rm", "--force", "fsvol")


def test_containerd_layers_tmpfs_and_binds_are_what_du_says(
    containerd_host: ContainerdHost, watching: RunningAgent, host_directory: Path
) -> None:
    bind = host_directory / "fs-bind"
    bind.mkdir()
    handle = containerd_host.run(
        "fs-containerd",
        ("/bin/sh", "-c", WORK),
        options=(
            "--mount",
            "type=tmpfs,dst=/scratch,options=rw",
            "--mount",
            f"type=bind,src={bind},dst=/data,options=rbind:rw",
        ),
    )
    try:
        check(watching, containerd_host, handle, ("bind", 3 * MIB))
    finally:
        containerd_host.remove("fs-containerd")


_FUSE = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
def must(done):
    if done != 0:
        sys.exit(os.strerror(ctypes.get_errno()))
must(libc.unshare(0x20000))
must(libc.mount(b"none", b"/", None, 0x4000 | 0x40000, None))
fuse = os.open("/dev/fuse", os.O_RDWR)
options = b"fd=%d,rootmode=40000,user_id=0,group_id=0" % fuse
must(libc.mount(b"dead", sys.argv[1].encode(), b"fuse.dead", 0, options))
print("mounted", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def dead_mount(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """A process that alone sees a FUSE filesystem nobody serves: (its pid, the mount point)."""
    if os.geteuid() != 0 or not os.path.exists("/dev/fuse"):
        pytest.skip("needs root and /dev/fuse")
    point = tmp_path / "dead"
    point.mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", _FUSE, str(point)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        if process.stdout.readline() != "mounted\n":
            pytest.skip(f"FUSE cannot be mounted: {process.stderr.read().strip()}")
        try:
            yield process.pid, point
        finally:
            # Its descriptor of /dev/fuse goes with it, and whoever waits for an answer gets one.
            process.send_signal(signal.SIGKILL)


def test_a_dead_mount_holds_up_nobody(
    dead_mount: tuple[int, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    pid, point = dead_mount
    monkeypatch.setattr(agent.filesystem.watcher, "_ANSWER_TIMEOUT", 0.3)
    watcher = FilesystemWatcher(FilesystemConfig(network=True), HostPaths())
    target = Target(1, pid, tuple, False, "", None)
    watcher.start()
    try:
        watcher.update([target])
        wait_until(lambda: watcher.timeouts() == 1, 30, "the dead mount is given up")
        assert watcher.left_alone()["hung"] == 1
        wait_until(lambda: bool(watcher.update([target]).host), 30, "the others are told")
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: watcher.left_alone()["hung"] == 0, 30, "it is let go")
    finally:
        watcher.stop()
    assert str(point) not in Path("/proc/self/mounts").read_text()


def test_a_filesystem_behind_a_program_is_not_touched_unless_asked_for(
    dead_mount: tuple[int, Path],
) -> None:
    pid, _ = dead_mount
    watcher = FilesystemWatcher(FilesystemConfig(), HostPaths())
    watcher.update([Target(1, pid, tuple, False, "", None)])
    watcher.step()
    assert watcher.timeouts() == 0
    assert watcher.left_alone()["network"] >= 1
    watcher.stop()
