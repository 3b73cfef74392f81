"""Podman with storage, state and locks of its own. No daemon: conmon holds each container."""

from __future__ import annotations

import json
import os
import resource
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from agent.demo.image import image_id
from tests.host.containerd import IMAGE, test_image
from tests.host.daemon import (
    CGROUP_ROOT,
    HostUnavailable,
    cgroup_is_gone,
    need_root,
    remove_cgroup,
    run,
    wait_until,
)
from tests.host.handle import ContainerHandle, Network

_PARENT = "libpod_parent"


class PodmanHost:
    """Rootful Podman, cgroupfs driver, k8s-file logs."""

    runtime = "podman"

    def __init__(self, directory: Path, program: str = "podman") -> None:
        """`program` is the podman to run, in another version than the installed one."""
        # crun refuses v1 controllers beside a mounted cgroup2.
        runtime = "runc" if (CGROUP_ROOT / "unified/cgroup.procs").exists() else "crun"
        need_root(program, "conmon", runtime)
        data = test_image()
        self._program = program
        self.version = run([program, "--version"]).split()[-1]
        # Short: Podman refuses a run root of more than 50 characters.
        directory = directory / f"p{self.version.partition('.')[0]}"
        directory.mkdir()
        self.root = directory / "podman"
        """--root, the graph root: overlay-containers/ID/userdata/config.json, libpod's database."""
        self.state = directory / "run"
        """--runroot."""
        self.image = IMAGE
        self.image_id = image_id(data)
        self._had_parent = any(CGROUP_ROOT.glob(f"*/{_PARENT}"))
        # Locks in files: the default, /dev/shm/libpod_lock, is shared by every Podman of the
        # machine. The events go to a file because there may be no journald. Limits that
        # need no CAP_SYS_RESOURCE: Podman wants 1048576 files, and lowers its own NPROC to 32768
        # before it starts crun, which then could not raise it.
        files = min(1048576, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
        processes = min(32768, resource.getrlimit(resource.RLIMIT_NPROC)[1])
        self.config = directory / "containers.conf"
        """For CONTAINERS_CONF, where something else than this class calls podman."""
        self.config.write_text(
            "[containers]\n"
            'log_driver = "k8s-file"\n'
            'apparmor_profile = "unconfined"\n'
            f'default_ulimits = ["nofile={files}:{files}", "nproc={processes}:{processes}"]\n'
            "[engine]\n"
            'cgroup_manager = "cgroupfs"\n'
            'events_logger = "file"\n'
            'lock_type = "file"\n'
            f'runtime = "{runtime}"\n'
            # Podman 5 does not begin without its own netavark, which no network here needs.
            f"helper_binaries_dir = {json.dumps(_helpers(program))}\n"
            f'tmp_dir = "{directory / "podman-tmp"}"\n'
            f'static_dir = "{self.root / "libpod"}"\n'
            f'volume_path = "{self.root / "volumes"}"\n'
        )
        archive_path = directory / "podman-image.tar"
        archive_path.write_bytes(data)
        try:
            self.cli("load", "--quiet", "--input", str(archive_path))
        except subprocess.SubprocessError as error:
            raise HostUnavailable(str(error)) from None

    def run(
        self,
        name: str,
        argv: Sequence[str],
        *,
        memory: int | None = None,
        cpus: float | None = None,
        network: Network = "none",
        labels: Mapping[str, str] | None = None,
        options: Sequence[str] = (),
    ) -> ContainerHandle:
        args = ["run", "--detach", "--name", name, "--network", network, *options]
        if memory is not None:
            args += ["--memory", str(memory)]
        if cpus is not None:
            args += ["--cpus", str(cpus)]
        for key, value in (labels or {}).items():
            args += ["--label", f"{key}={value}"]
        container_id = self.cli(*args, self.image, *argv).strip()
        shown = json.loads(self.cli("container", "inspect", container_id))[0]
        return ContainerHandle(
            id=container_id,
            name=name,
            pid=shown["State"]["Pid"],
            image=self.image,
            log_path=shown["HostConfig"]["LogConfig"]["Path"],
        )

    def remove(self, name: str) -> None:
        self.cli("rm", "--force", "--time", "0", "--volumes", name)

    def remove_pod(self, name: str) -> None:
        """Kill and remove a pod, and its cgroup, which Podman leaves in some v1 hierarchies."""
        shown = json.loads(self.cli("pod", "inspect", name))
        pod = shown[0] if isinstance(shown, list) else shown
        self.cli("pod", "rm", "--force", "--time", "0", name)
        # conmon ends a little later than its container.
        wait_until(lambda: cgroup_is_gone(f"{_PARENT}/{pod['Id']}"), 10, f"{name}'s cgroup removed")

    @property
    def environment(self) -> dict[str, str]:
        """For `command`."""
        return {
            **os.environ,
            "CONTAINERS_CONF": str(self.config),
            "PODMAN_IGNORE_CGROUPSV1_WARNING": "1",
        }

    def command(self, *args: str) -> list[str]:
        """The command line of the client, for those who run it in another way than `cli`."""
        return [self._program, "--root", str(self.root), "--runroot", str(self.state), *args]

    def cli(self, *args: str) -> str:
        return run(self.command(*args), environment=self.environment)

    def close(self) -> None:
        """Remove what is left."""
        self.cli("rm", "--all", "--force", "--time", "0", "--volumes")
        if not self._had_parent:
            remove_cgroup(f"{_PARENT}/conmon")
            remove_cgroup(_PARENT)


def _helpers(program: str) -> list[str]:
    """Where its helper programs are: beside an unpacked Podman, else in the usual places."""
    usual = ["/usr/local/libexec/podman", "/usr/libexec/podman", "/usr/lib/podman"]
    own = Path(program).parent / "usr/lib/podman"
    return [str(own), *usual] if own.is_dir() else usual
