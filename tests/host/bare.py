"""Containers that runc or crun runs from a bundle, without a daemon above it."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.host.daemon import CGROUP_ROOT, HostUnavailable, need_root

NAMESPACES = ("pid", "ipc", "uts", "mount", "network")


class BareHost:
    """A root directory that busybox fills, and runc or crun with a state of its own."""

    def __init__(self, directory: Path, runtime: str) -> None:
        need_root(runtime, "busybox")
        self.run_root = directory / "run"
        self.rootfs = directory / "rootfs"
        self._directory = directory
        self._runtime = runtime
        binary = shutil.which("busybox")
        assert binary is not None
        for name in ("bin", "dev", "proc", "sys"):
            (self.rootfs / name).mkdir(parents=True)
        shutil.copy(binary, self.rootfs / "bin/busybox")
        for name in ("sh", "true", "nc"):
            (self.rootfs / "bin" / name).symlink_to("busybox")

    def start(self, name: str, argv: Sequence[str]) -> int:
        """Run it in the background; return its process, as it is seen here."""
        self._command("run", "--detach", "--bundle", str(self._bundle(name, argv)), name)
        pid: int = json.loads(self._command("state", name))["pid"]
        return pid

    def attend(self, name: str, argv: Sequence[str], cgroup: str) -> subprocess.Popen[bytes]:
        """
        Run it in the foreground, on the host's network: ends with its exit code, and leaves its
        cgroup until it is removed (runc alone).
        """
        bundle = self._bundle(name, argv, NAMESPACES[:-1], cgroup)
        with (bundle / "err").open("wb") as stderr:
            return subprocess.Popen(
                self._argv("run", "--keep", "--bundle", str(bundle), name),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
            )

    def said(self, name: str) -> str:
        """What the runtime and the container wrote to stderr."""
        return (self._directory / name / "err").read_text().strip()

    def remove(self, *names: str) -> None:
        """What runs of them is killed."""
        for name in names:
            subprocess.run(self._argv("delete", "--force", name), capture_output=True, check=False)
            shutil.rmtree(self._directory / name, ignore_errors=True)

    def _bundle(
        self,
        name: str,
        argv: Sequence[str],
        namespaces: Sequence[str] = NAMESPACES,
        cgroup: str = "",
    ) -> Path:
        linux: dict[str, object] = {"namespaces": [{"type": each} for each in namespaces]}
        if cgroup:
            linux["cgroupsPath"] = cgroup
        config = {
            "ociVersion": "1.0.2",
            "process": {"user": {"uid": 0, "gid": 0}, "args": [*argv], "cwd": "/"},
            "root": {"path": str(self.rootfs)},
            # What the runtime puts into /dev would be in the root directory all share.
            "mounts": [
                {"destination": "/proc", "type": "proc", "source": "proc"},
                {"destination": "/dev", "type": "tmpfs", "source": "tmpfs"},
            ],
            "annotations": {"app": "web"},
            "linux": linux,
        }
        bundle = self._directory / name
        bundle.mkdir()
        (bundle / "config.json").write_text(json.dumps(config))
        return bundle

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
        out, err = self._directory / "out", self._directory / "err"
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
