"""Real containers of every runtime here: each is named as its runtime names it, with its log."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from agent.cgroupfs.reading import Cgroup
from agent.config import HostPaths
from agent.container.container import Container, Kind
from agent.container.discovery import Discovery
from agent.container.log_sources import LogSource, LogSources
from agent.kernelfile import read
from agent.procfs.pid import parse_pid_cgroup
from tests.host.containerd import ContainerdHost
from tests.host.daemon import CGROUP_ROOT, HostUnavailable, need_root, remove_cgroup, run
from tests.host.docker import DockerHost
from tests.host.handle import ContainerHandle
from tests.host.podman import PodmanHost

pytestmark = pytest.mark.host

SLEEP = ["/bin/sh", "-c", "echo started; exec sleep 1000"]


def cgroup_of(pid: int, above: int = 0) -> Cgroup:
    """The cgroup `pid` is in, or the one `above` levels above it."""
    paths = read(f"/proc/{pid}/cgroup", parse_pid_cgroup)
    assert paths is not None
    for controller, path in sorted(paths.items()):
        if path == "/":
            continue
        for mount in (CGROUP_ROOT / (controller or "unified"), CGROUP_ROOT):
            directory = Path(f"{mount}{path}")
            if directory.is_dir():
                for _ in range(above):
                    directory = directory.parent
                found = os.stat(directory)
                return Cgroup(found.st_ino, f"/{directory.relative_to(mount)}", found.st_mtime)
    raise AssertionError(f"no cgroup of {pid} in {paths}")


def named(paths: HostPaths, pid: int) -> Container:
    """What a new Discovery makes of the cgroup of `pid`, at its first look."""
    discovery = Discovery(paths)
    found = discovery.container_of(cgroup_of(pid), lambda: (pid,))
    assert found is not None
    assert discovery.failures() == ()
    return found


def log_of(paths: HostPaths, id_: str) -> LogSource:
    (source,) = [source for source in LogSources(paths).scan() if source.container.id == id_]
    return source


def started_as_the_kernel_says(container: Container) -> bool:
    """ps has the age of the process, in whole seconds."""
    assert container.started is not None
    out = run(["ps", "-o", "etimes=", "-p", str(container.pid)])
    age = float(run(["date", "+%s.%N"])) - container.started
    return abs(age - float(out)) < 2.5


def test_docker_of_a_private_daemon_is_named_without_knowing_its_root(
    docker_host: DockerHost,
) -> None:
    handle = docker_host.run("named", SLEEP, labels={"app": "web"})
    try:
        container = named(HostPaths(), handle.pid)
        assert (container.runtime, container.id) == ("docker", handle.id)
        assert (container.name, container.image) == ("named", docker_host.image)
        assert container.image_id == docker_host.image_id
        assert container.labels == {"app": "web"}
        assert (container.pid, container.log_path) == (handle.pid, handle.log_path)
        assert container.log_format == "docker"
        assert container.complete
        assert started_as_the_kernel_says(container)
    finally:
        docker_host.remove("named")


def test_dockers_rename_and_restart_are_seen(docker_host: DockerHost) -> None:
    time = 0.0
    discovery = Discovery(HostPaths(), now=lambda: time)
    handle = docker_host.run("before", SLEEP)
    try:
        cgroup = cgroup_of(handle.pid)
        first = discovery.container_of(cgroup, lambda: (handle.pid,))
        assert first is not None
        docker_host.cli("rename", "before", "after")
        time += 5
        second = discovery.container_of(cgroup, lambda: (handle.pid,))
        assert second is not None
        assert (first.name, second.name) == ("before", "after")
        docker_host.cli("restart", "--time", "0", "after")
        state = json.loads(docker_host.cli("inspect", handle.id))[0]["State"]
        again = cgroup_of(state["Pid"])
        third = discovery.container_of(again, lambda: (state["Pid"],))
        assert third is not None
        assert (third.name, third.pid) == ("after", state["Pid"])
        assert third.started is not None
        assert second.started is not None
        assert third.started > second.started
    finally:
        docker_host.remove(handle.id)


def test_a_stopped_docker_container_still_has_its_log(docker_host: DockerHost) -> None:
    paths = HostPaths(docker=(str(docker_host.root),))
    handle = docker_host.run("stopped", SLEEP)
    try:
        docker_host.cli("kill", "stopped")
        source = log_of(paths, handle.id)
        assert (source.path, source.format) == (handle.log_path, "docker")
        assert (source.container.name, source.container.pid) == ("stopped", None)
    finally:
        docker_host.remove("stopped")


def test_a_private_dockers_logs_are_found_through_its_command_line(
    docker_host: DockerHost,
) -> None:
    handle = docker_host.run("logged", SLEEP)
    try:
        assert log_of(HostPaths(), handle.id).path == handle.log_path
    finally:
        docker_host.remove("logged")


def test_podmans_container_is_named_through_conmon(podman_host: PodmanHost) -> None:
    handle = podman_host.run("named", SLEEP, labels={"app": "web"})
    try:
        container = named(HostPaths(), handle.pid)
        assert (container.runtime, container.id) == ("podman", handle.id)
        assert (container.name, container.image) == ("named", podman_host.image)
        assert container.image_id == podman_host.image_id
        assert (container.pid, container.log_path) == (handle.pid, handle.log_path)
        assert (container.log_format, container.kind) == ("cri", Kind.CONTAINER)
        assert container.complete
        source = log_of(HostPaths(podman=(str(podman_host.root),)), handle.id)
        assert (source.path, source.container.name) == (handle.log_path, "named")
    finally:
        podman_host.remove("named")


def test_podmans_log_at_a_path_of_its_own_is_found(podman_host: PodmanHost, tmp_path: Path) -> None:
    log = f"{tmp_path}/own.log"
    handle = podman_host.run("own", SLEEP, options=["--log-opt", f"path={log}"])
    try:
        assert named(HostPaths(), handle.pid).log_path == log
        assert log_of(HostPaths(podman=(str(podman_host.root),)), handle.id).path == log
    finally:
        podman_host.remove("own")


def test_podmans_infra_container_is_the_sandbox_of_its_pod(podman_host: PodmanHost) -> None:
    # The test's image has no entry point of its own that stays.
    infra = ["--infra-image", podman_host.image, "--infra-command", "/bin/sleep 1000"]
    try:
        podman_host.cli("pod", "create", "--name", "pod", "--share", "net", *infra)
        podman_host.cli(
            "run", "--detach", "--pod", "pod", "--name", "in", podman_host.image, *SLEEP
        )
    except subprocess.SubprocessError as error:
        podman_host.cli("pod", "rm", "--force", "--time", "0", "pod")
        pytest.skip(f"podman pod: {error}")
    try:
        members = json.loads(podman_host.cli("pod", "inspect", "pod"))["Containers"]
        assert len(members) == 2
        kinds = {}
        for member in members:
            shown = json.loads(podman_host.cli("container", "inspect", member["Id"]))[0]
            container = named(HostPaths(), shown["State"]["Pid"])
            kinds[container.name == "in"] = container.kind
        assert kinds == {True: Kind.CONTAINER, False: Kind.SANDBOX}
    finally:
        podman_host.cli("pod", "rm", "--force", "--time", "0", "pod")


def test_ctrs_container_of_a_private_containerd_has_image_and_labels(
    containerd_host: ContainerdHost,
) -> None:
    handle = containerd_host.run("free.text", SLEEP, labels={"app": "web"})
    try:
        container = named(HostPaths(), handle.pid)
        assert (container.runtime, container.id) == ("containerd", "free.text")
        assert (container.name, container.image) == ("free.text", containerd_host.image)
        assert container.image_id == containerd_host.image_id
        assert container.labels["app"] == "web"
        assert (container.pid, container.log_path) == (handle.pid, "")
        assert container.complete
        assert started_as_the_kernel_says(container)
        namespace = cgroup_of(handle.pid, above=1)
        assert Discovery(HostPaths()).container_of(namespace, lambda: (handle.pid,)) is None
    finally:
        containerd_host.remove("free.text")


class Bare:
    """A bundle, and runc or crun to run it with a state directory of its own."""

    def __init__(self, directory: Path, runtime: str) -> None:
        need_root(runtime, "busybox")
        self.run_root = directory / "run"
        self.bundle = directory / "bundle"
        self._runtime = runtime
        binary = shutil.which("busybox")
        assert binary is not None
        for name in ("bin", "dev", "proc", "sys"):
            (self.bundle / "rootfs" / name).mkdir(parents=True)
        shutil.copy(binary, self.bundle / "rootfs/bin/busybox")
        self._name = f"agent-test-{os.getpid()}-{runtime}"
        self._write_config()

    def start(self) -> ContainerHandle:
        self._command("run", "--detach", "--bundle", str(self.bundle), self._name)
        pid = json.loads(self._command("state", self._name))["pid"]
        return ContainerHandle(id=self._name, name=self._name, pid=pid, image="", log_path="")

    def close(self) -> None:
        subprocess.run(self._argv("delete", "--force", self._name), capture_output=True)
        remove_cgroup(self._name)

    def _write_config(self) -> None:
        namespaces = ("pid", "ipc", "uts", "mount", "network")
        config = {
            "ociVersion": "1.0.2",
            "process": {
                "user": {"uid": 0, "gid": 0},
                "args": ["/bin/busybox", "sleep", "1000"],
                "cwd": "/",
            },
            "root": {"path": "rootfs"},
            "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
            "annotations": {"app": "web"},
            "linux": {"namespaces": [{"type": namespace} for namespace in namespaces]},
        }
        (self.bundle / "config.json").write_text(json.dumps(config))

    def _argv(self, *args: str) -> list[str]:
        argv = [self._runtime, "--root", str(self.run_root / self._runtime), *args]
        unified = CGROUP_ROOT / "unified"
        if self._runtime == "crun" and unified.is_dir():
            # crun refuses a hybrid host; in a mount namespace of its own it sees cgroup2 alone.
            script = f'mount --bind {unified} {CGROUP_ROOT} && exec "$@"'
            return ["unshare", "--mount", "sh", "-c", script, "sh", *argv]
        return argv

    def _command(self, *args: str) -> str:
        # Files, not pipes: the container inherits them and holds them open.
        out, err = self.bundle / "out", self.bundle / "err"
        with out.open("wb") as stdout, err.open("wb") as stderr:
            done = subprocess.run(
                self._argv(*args),
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                timeout=30,
            )
        if done.returncode != 0:
            raise HostUnavailable(err.read_text().strip())
        return out.read_text()


@pytest.fixture(params=["runc", "crun"])
def bare(request: pytest.FixtureRequest, host_directory: Path) -> Iterator[tuple[str, Bare]]:
    directory = host_directory / f"bare-{request.param}"
    try:
        host = Bare(directory, request.param)
    except HostUnavailable as reason:
        pytest.skip(f"{request.param}: {reason}")
    try:
        yield request.param, host
    finally:
        host.close()
        shutil.rmtree(directory)


def test_a_bare_container_is_named_by_its_state_file(bare: tuple[str, Bare]) -> None:
    runtime, host = bare
    try:
        handle = host.start()
    except HostUnavailable as reason:
        pytest.skip(f"{runtime}: {reason}")
    container = named(replace(HostPaths(), run=str(host.run_root)), handle.pid)
    assert (container.runtime, container.name) == (runtime, handle.name)
    assert container.labels == {"app": "web"}
    assert container.pid == handle.pid
    assert container.complete
    assert started_as_the_kernel_says(container)


def test_what_runs_in_the_hosts_own_cgroups_is_no_container(docker_host: DockerHost) -> None:
    handle = docker_host.run("parent", SLEEP)
    try:
        above = cgroup_of(handle.pid, above=1)
        assert Discovery(HostPaths()).container_of(above, tuple) is None
    finally:
        docker_host.remove("parent")
