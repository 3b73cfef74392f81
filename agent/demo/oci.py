"""runc and crun by themselves: a bundle for each container, no image, no logs, no restart."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from agent.demo.client import OWNER, CommandFailed, Job, Started, call
from agent.demo.image import find_busybox, unpack
from agent.demo.ocispec import config
from agent.demo.state import Places
from agent.demo.supervisor import supervise


class Oci:
    """options: --root and other global ones. Bundles are in `places`.data/bundles/RUNTIME/NAME."""

    keeps_logs = False

    def __init__(self, name: str, options: Sequence[str], places: Places) -> None:
        self.name = name
        self.options = tuple(options)
        self._bundles = places.data / "bundles" / name
        self._run = places.run / name

    def unusable(self) -> str:
        if shutil.which(self.name) is None:
            return f"{self.name} is not installed"
        if os.geteuid() != 0:
            return f"{self.name} needs root"
        if self.name == "crun" and Path("/sys/fs/cgroup/unified/cgroup.procs").exists():
            return "crun refuses cgroup v1 controllers beside a mounted cgroup2"
        return ""

    def load(self, image: bytes) -> None:
        """Nothing: `start` unpacks the same tree into each bundle."""

    def unload(self) -> None:
        """Nothing: `remove` removes the bundle."""

    def start(self, job: Job) -> Started:
        bundle = self._bundles / job.name
        shutil.rmtree(bundle, ignore_errors=True)
        unpack(find_busybox(), bundle / "rootfs")
        (bundle / "config.json").write_text(config(job, job.name))
        if job.restart:
            command = [self.name, *self.options, "run", "--bundle", str(bundle), job.name]
            status = self._run / f"{job.name}.status"
            return supervise(job.name, command, status, lambda: self.pid(job.name))
        self._run_detached(job.name, bundle)
        return Started(job.name, self.pid(job.name))

    def pid(self, name: str) -> int | None:
        return self._listed().get(name) or None

    def owner(self, name: str) -> str | None:
        if name not in self._listed():
            return None
        state = json.loads(call([self.name, *self.options, "state", name]))
        return str((state.get("annotations") or {}).get(OWNER, ""))

    def remove(self, name: str) -> bool:
        found = name in self._listed()
        if found:
            call([self.name, *self.options, "delete", "--force", name])
        shutil.rmtree(self._bundles / name, ignore_errors=True)
        return found

    def owned_by(self, owner: str) -> list[str]:
        return [name for name in self._listed() if self.owner(name) == owner]

    def _listed(self) -> dict[str, int]:
        """Name → pid of every container of this runtime; pid 0 for a stopped one."""
        text = call([self.name, *self.options, "list", "--format", "json"])
        return {one["id"]: one["pid"] for one in json.loads(text) or ()}

    def _run_detached(self, name: str, bundle: Path) -> None:
        """The container keeps what it is given as stdout, so that is never a pipe of ours; the
        runtime's own words go to a file."""
        log = bundle / "runtime.log"
        argv = [self.name, "--log", str(log), *self.options]
        done = subprocess.run(
            [*argv, "run", "--detach", "--bundle", str(bundle), name],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
        if done.returncode != 0:
            said = log.read_text(errors="replace") if log.exists() else ""
            raise CommandFailed(argv, done.returncode, said)
