"""Each runtime's containers get their name, image and runtime, under systemd and cgroup v2."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from agent.config import HostPaths
from tests.guest.inside import IN_GUEST, SLEEP, SLOW, Runtime
from tests.host.agent import Page, command, page_once
from tests.host.containerd import IMAGE, test_image
from tests.host.daemon import run, wait_until
from tests.host.identity import cgroup_of, named

pytestmark = [*IN_GUEST]


@pytest.fixture
def busybox_root(tmp_path: Path) -> Path:
    """A root directory with BusyBox alone, for containers that need no image."""
    root = tmp_path / "root"
    for name in ("bin", "sbin", "dev", "proc", "sys", "etc", "tmp", "run", "root", "var", "usr"):
        (root / name).mkdir(parents=True)
    shutil.copy(shutil.which("busybox") or "", root / "bin/busybox")
    for applet in ("sh", "sleep"):
        (root / "bin" / applet).symlink_to("busybox")
    (root / "sbin/init").symlink_to("../bin/busybox")
    (root / "etc/os-release").write_text("ID=busybox\n")
    return root


@pytest.mark.parametrize("program", ["docker", "podman"])
def test_under_systemds_driver(program: str, request: pytest.FixtureRequest) -> None:
    runtime: Runtime = request.getfixturevalue(program)
    id_ = runtime.start("driven", SLEEP, "--memory=64m", "--cpus=0.5")
    try:
        pid = runtime.pid("driven")
        # crun puts the process into a cgroup "container" below the one with the limits.
        above = int(program == "podman")
        cgroup = cgroup_of(pid, above)
        assert cgroup.path.endswith(".scope")
        container = named(HostPaths(), pid, above)
        assert (container.runtime, container.id, container.name) == (program, id_, "driven")
        assert container.image == runtime.image
        page = page_once("probes.enabled=false")
        assert page.value("container_spec_memory_limit_bytes", name="driven") == 64 << 20
        assert page.value("container_spec_cpu_quota", name="driven") == 50_000
        files = Path(f"/sys/fs/cgroup{cgroup.path}")
        page_bytes = page.value("container_memory_usage_bytes", name="driven")
        assert page_bytes == pytest.approx(int((files / "memory.current").read_text()), abs=1 << 20)
    finally:
        runtime.remove("driven")


def test_from_a_cgroup_namespace_of_ones_own(docker: Runtime) -> None:
    """Docker gives each container such a namespace; the agent has one when it runs in one."""
    id_ = docker.start("seen", SLEEP, "--cgroupns=private", "--memory=64m")
    try:
        path = cgroup_of(docker.pid("seen")).path
        argv = ["unshare", "--cgroup", *command("metrics", "--set", "probes.enabled=false")]
        # In a scope of its own, so that the namespace's root is not the hierarchy's.
        page = Page(run(["systemd-run", "--scope", "--collect", "--quiet", *argv], timeout=SLOW))
        assert page.value("container_spec_memory_limit_bytes", name="seen") == 64 << 20
        assert page.labels("container_info", name="seen")["runtime"] == "docker"
        assert page.labels("container_spec_memory_limit_bytes", name="seen")["id"] == path
        assert id_ in path
    finally:
        docker.remove("seen")


def test_an_oom_kill_is_counted(docker: Runtime) -> None:
    eat = ("/bin/sh", "-c", "while :; do (x=$(head -c 99000000 /dev/zero | tr '\\0' x)); done")
    docker.start("eater", eat, "--memory=16m", "--memory-swap=16m")
    try:
        cgroup = cgroup_of(docker.pid("eater"))
        events = Path(f"/sys/fs/cgroup{cgroup.path}/memory.events")

        def kills() -> int:
            return int(dict(line.split() for line in events.read_text().splitlines())["oom_kill"])

        wait_until(lambda: kills() >= 2, SLOW, "two kills")
        before = kills()
        page = page_once("probes.enabled=false")
        told = page.value("container_oom_events_total", name="eater")
        assert before <= told <= kills()
    finally:
        docker.remove("eater")


def test_an_lxc_container(busybox_root: Path, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(
        f"lxc.uts.name = boxed\nlxc.rootfs.path = dir:{busybox_root}\n"
        "lxc.mount.auto = proc sys cgroup\nlxc.net.0.type = empty\n"
        "lxc.apparmor.profile = unconfined\n"
    )
    run(["lxc-start", "-n", "boxed", "-f", str(config), "-d", "--", *SLEEP], timeout=SLOW)
    try:
        shown = run(["lxc-info", "-n", "boxed", "-p", "-H"], timeout=SLOW)
        container = named(HostPaths(), int(shown))
        assert (container.runtime, container.id, container.name) == ("lxc", "boxed", "boxed")
    finally:
        run(["lxc-stop", "-n", "boxed", "-k"], timeout=SLOW)


def test_a_systemd_nspawn_container(busybox_root: Path) -> None:
    nspawn = ["systemd-nspawn", f"--directory={busybox_root}", "--machine=spawned", *SLEEP]
    run(["systemd-run", "--collect", "--unit=nspawn-starter", *nspawn], timeout=SLOW)
    try:
        shown = ["machinectl", "show", "spawned", "--property=Leader", "--value"]
        wait_until(lambda: _prints_a_pid(shown), SLOW, "the machine")
        pid = int(run(shown))
        above = cgroup_of(pid).path.endswith("/payload")
        container = named(HostPaths(), pid, above)
        assert (container.runtime, container.id) == ("systemd-nspawn", "spawned")
    finally:
        run(["systemctl", "stop", "nspawn-starter"], timeout=SLOW)


def test_an_ecs_task(docker: Runtime) -> None:
    """The ECS agent gives Docker the parent cgroup /ecs/TASK for its containers."""
    task = "4d5e6f708192a3b4c5d6e7f8091a2b3c"
    id_ = docker.start("ecs-web-1", SLEEP)
    directory = Path(f"/sys/fs/cgroup/ecs/{task}/{id_}")
    try:
        directory.mkdir(parents=True)
        pid = docker.pid("ecs-web-1")
        (directory / "cgroup.procs").write_text(str(pid))
        container = named(HostPaths(), pid)
        assert (container.runtime, container.id, container.name) == ("docker", id_, "ecs-web-1")
        assert container.image == docker.image
    finally:
        docker.remove("ecs-web-1")
        wait_until(lambda: _removed(directory), SLOW, "the task's cgroup to be empty")


@pytest.fixture(scope="module")
def ctr_image(docker: Runtime) -> str:
    """The image in the host's own containerd."""
    run(["ctr", "images", "import", "-"], data=test_image(), timeout=SLOW)
    return next(name for name in run(["ctr", "images", "ls", "-q"]).split() if IMAGE in name)


def test_a_container_of_containerds_own(ctr_image: str) -> None:
    run(["ctr", "run", "--detach", ctr_image, "bare-ctr", *SLEEP], timeout=SLOW)
    try:
        listed = run(["ctr", "tasks", "ls"], timeout=SLOW).splitlines()
        pid = next(int(line.split()[1]) for line in listed if line.startswith("bare-ctr"))
        container = named(HostPaths(), pid)
        assert (container.runtime, container.id) == ("containerd", "bare-ctr")
        assert container.image == ctr_image
    finally:
        run(["ctr", "tasks", "kill", "--signal=KILL", "bare-ctr"], timeout=SLOW)
        wait_until(lambda: "RUNNING" not in run(["ctr", "tasks", "ls"]), SLOW, "its end")
        run(["ctr", "containers", "delete", "bare-ctr"], timeout=SLOW)


@pytest.mark.skipif(shutil.which("nerdctl") is None, reason="not installed: nerdctl")
def test_a_container_of_nerdctl(docker: Runtime) -> None:
    """Its containerd is the host's own, which Docker's daemon uses too."""
    nerdctl = ["nerdctl", "--address=/run/containerd/containerd.sock"]
    run([*nerdctl, "load"], data=test_image(), timeout=SLOW)
    start = [*nerdctl, "run", "--detach", "--name=by-nerdctl", "--network=none"]
    id_ = run([*start, "--label=tier=web", "--memory=64m", IMAGE, *SLEEP], timeout=SLOW).strip()
    try:
        shown = json.loads(run([*nerdctl, "container", "inspect", "by-nerdctl"], timeout=SLOW))[0]
        container = named(HostPaths(), int(shown["State"]["Pid"]))
        assert (container.runtime, container.id, container.name) == (
            "containerd",
            id_,
            "by-nerdctl",
        )
        assert (container.image, container.labels["tier"]) == (shown["Image"], "web")
        page = page_once("probes.enabled=false")
        assert page.value("container_spec_memory_limit_bytes", name="by-nerdctl") == 64 << 20
    finally:
        run([*nerdctl, "rm", "--force", "by-nerdctl"], timeout=SLOW)


@pytest.mark.parametrize("program", ["runc", "crun"])
def test_a_bare_runtimes_container(program: str, busybox_root: Path, tmp_path: Path) -> None:
    run([program, "spec"], cwd=tmp_path, timeout=SLOW)
    spec = json.loads((tmp_path / "config.json").read_text())
    spec["process"]["args"] = list(SLEEP)
    spec["process"]["terminal"] = False
    spec["root"]["path"] = str(busybox_root)
    (tmp_path / "config.json").write_text(json.dumps(spec))
    name = f"bare-{program}"
    # Its standard streams are the container's, which outlives it: none of ours.
    create = f"exec {program} run --detach {name} </dev/null >/dev/null 2>&1"
    run(["/bin/sh", "-c", create], cwd=tmp_path, timeout=SLOW)
    try:
        pid = json.loads(run([program, "state", name], timeout=SLOW))["pid"]
        container = named(HostPaths(), pid)
        assert (container.runtime, container.id, container.name) == (program, name, name)
    finally:
        run([program, "delete", "--force", name], timeout=SLOW)


def test_a_service_only_where_asked_for() -> None:
    page = page_once("probes.enabled=false")
    assert page.series("container_info", runtime="systemd") == []
    page = page_once("probes.enabled=false", "metrics.systemd=true")
    names = {labels["name"] for labels, _ in page.series("container_info", runtime="systemd")}
    assert "systemd-journald.service" in names


def _prints_a_pid(argv: list[str]) -> bool:
    try:
        return run(argv).strip() not in ("", "0")
    except subprocess.SubprocessError:  # machinectl fails until the machine is there
        return False


def _removed(directory: Path) -> bool:
    try:
        directory.rmdir()
    except OSError:
        return not directory.exists()
    return True
