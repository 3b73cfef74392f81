"""Podman as an ordinary user, without anything set up for that user.

`nobody`, with one user id mapped and storage that does not care about owners: no /etc/subuid, no
login, no systemd. On a host with cgroup v1 its containers get no cgroup.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.host.containerd import IMAGE, test_image
from tests.host.daemon import HostUnavailable, need_root, run
from tests.host.handle import ContainerHandle

_NOBODY = 65534


class RootlessPodman:
    """Rootless Podman, with its home and run directories below the session's."""

    def __init__(self, directory: Path) -> None:
        need_root("podman", "conmon", "runc", "setpriv")
        home = directory / "nobody"
        run_directory = home / "run"
        run_directory.mkdir(parents=True)
        run_directory.chmod(0o700)
        directory.chmod(0o711)  # the user has to pass through it
        self.root = home / ".local/share/containers/storage"
        """The graph root, where such a user's is."""
        (home / "containers.conf").write_text(
            "[containers]\n"
            'log_driver = "k8s-file"\n'
            'apparmor_profile = "unconfined"\n'
            'default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n'
            "[engine]\n"
            'cgroup_manager = "cgroupfs"\n'
            'events_logger = "file"\n'
            'lock_type = "file"\n'
            'runtime = "runc"\n'
        )
        (home / "storage.conf").write_text(
            '[storage]\ndriver = "vfs"\n[storage.options.vfs]\nignore_chown_errors = "true"\n'
        )
        archive = home / "image.tar"
        archive.write_bytes(test_image())
        for path in (home, *home.rglob("*")):
            os.chown(path, _NOBODY, _NOBODY)
        self._home = home
        try:
            self.cli("load", "--quiet", "--input", str(archive))
        except subprocess.SubprocessError as error:
            raise HostUnavailable(str(error)) from None

    def run(
        self, name: str, argv: Sequence[str], *, labels: Mapping[str, str] | None = None
    ) -> ContainerHandle:
        """Start a container in the background, without a network."""
        options = [f"--label={key}={value}" for key, value in (labels or {}).items()]
        start = ["run", "--detach", "--network", "none", "--name", name, *options]
        try:
            id_ = self.cli(*start, IMAGE, *argv).strip()
        except subprocess.SubprocessError as error:
            raise HostUnavailable(str(error)) from None
        shown = self.cli(
            "inspect", "--format", "{{.State.Pid}} {{.HostConfig.LogConfig.Path}}", id_
        )
        pid, _, log = shown.strip().partition(" ")
        return ContainerHandle(id_, name, int(pid), IMAGE, log)

    def cli(self, *args: str) -> str:
        identity = [f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups"]
        return run(
            ["setpriv", *identity, "--inh-caps=-all", "podman", *args],
            environment={
                "PATH": os.environ["PATH"],
                "HOME": str(self._home),
                "XDG_RUNTIME_DIR": str(self._home / "run"),
                "CONTAINERS_CONF": str(self._home / "containers.conf"),
                "CONTAINERS_STORAGE_CONF": str(self._home / "storage.conf"),
            },
            cwd=self._home,
        )

    def close(self) -> None:
        """Remove what is left."""
        self.cli("rm", "--all", "--force", "--time", "0")
