"""A private dockerd on the private containerd."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.host.containerd import IMAGE, ContainerdHost, test_image
from tests.host.daemon import Daemon, answers, need_root, run
from tests.host.handle import ContainerHandle, Network


class DockerHost:
    """dockerd with its own data root, exec root, pidfile and socket; no bridge and no iptables.
    Logs go to json-file, as by default."""

    runtime = "docker"

    def __init__(
        self,
        directory: Path,
        containerd: ContainerdHost,
        *,
        programs: Path | None = None,
        image_store: bool = False,
    ) -> None:
        """
        `programs` has dockerd and docker of another version; None takes the installed ones.
        `image_store` keeps images in containerd, as Docker 29 does by default.
        """
        dockerd = str(programs / "sbin/dockerd") if programs else "dockerd"
        self._docker = str(programs / "bin/docker") if programs else "docker"
        need_root(dockerd, self._docker)
        self.version = run([self._docker, "--version"]).split()[2].partition("+")[0]
        if programs:
            directory = directory / f"d{self.version.partition('.')[0]}"
            directory.mkdir()
        self.root = directory / "docker"
        """--data-root: containers/ID/config.v2.json and the json-file logs."""
        self.state = directory / "docker-run"
        """--exec-root: runtime-runc/moby/ID/state.json."""
        self.socket = directory / "docker.sock"
        self.image = IMAGE
        self.image_id = containerd.image_id
        self.containerd = containerd
        """Its containers' bundles are below containerd.state, in the namespace moby."""
        config = directory / "docker.json"
        # Or /etc/docker/daemon.json would be read.
        features = {"features": {"containerd-snapshotter": True}} if image_store else {}
        config.write_text(json.dumps(features))
        self.daemon = Daemon(
            [
                dockerd,
                "--iptables=false",
                "--bridge=none",
                f"--containerd={containerd.socket}",
                f"--host=unix://{self.socket}",
                f"--data-root={self.root}",
                f"--exec-root={self.state}",
                f"--pidfile={directory / 'docker.pid'}",
                f"--config-file={config}",
            ],
            directory / "docker.log",
        )
        self.daemon.await_answer(
            lambda: (
                self.socket.exists()
                and answers([self._docker, "--host", f"unix://{self.socket}", "version"])
            )
        )
        run([self._docker, "--host", f"unix://{self.socket}", "load"], data=test_image())

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
        shown = json.loads(self.cli("inspect", "--type", "container", container_id))[0]
        return ContainerHandle(
            id=container_id,
            name=name,
            pid=shown["State"]["Pid"],
            image=self.image,
            log_path=shown["LogPath"],
        )

    def remove(self, name: str) -> None:
        self.cli("rm", "--force", "--volumes", name)

    def cli(self, *args: str) -> str:
        return run([self._docker, "--host", f"unix://{self.socket}", *args])

    def close(self) -> None:
        """Remove what is left and end the daemon."""
        left = self.cli("ps", "--all", "--quiet").split()
        if left:
            self.cli("rm", "--force", "--volumes", *left)
        self.daemon.stop()
