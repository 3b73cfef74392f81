"""containerd through `ctr`, its own plain client: no restart policy, no logs."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from agent.demo.client import IMAGE, OWNER, Job, Started, call, listens
from agent.demo.state import Places
from agent.demo.supervisor import supervise

_DEFAULT_ADDRESS: Final = "/run/containerd/containerd.sock"


class Ctr:
    """options: --address and --namespace, else CONTAINERD_ADDRESS and CONTAINERD_NAMESPACE."""

    name = "containerd"
    keeps_logs = False

    def __init__(self, options: Sequence[str], places: Places) -> None:
        self.options = tuple(options)
        for option, variable in (
            ("--address", "CONTAINERD_ADDRESS"),
            ("--namespace", "CONTAINERD_NAMESPACE"),
        ):
            value = os.environ.get(variable, "")
            if value and option not in self.options:
                self.options += (option, value)
        self._places = places

    def unusable(self) -> str:
        if shutil.which("ctr") is None:
            return "ctr is not installed"
        if os.geteuid() != 0:
            return "ctr needs root"
        address = _DEFAULT_ADDRESS
        if "--address" in self.options:
            address = self.options[self.options.index("--address") + 1]
        return "" if listens(address) else f"no containerd listens on {address}"

    def load(self, image: bytes) -> None:
        self._call("image", "import", "-", data=image)

    def unload(self) -> None:
        self._call("image", "remove", IMAGE)

    def start(self, job: Job) -> Started:
        if job.restart:
            command = ["ctr", *self.options, *self.run_arguments(job)]
            status = self._places.run / "containerd" / f"{job.name}.status"
            return supervise(job.name, command, status, lambda: self.pid(job.name))
        self._call(*self.run_arguments(job))
        pid = self.pid(job.name)
        if pid is not None and job.memory is not None:
            _forbid_swap(pid, job.memory)
        return Started(job.name, pid)

    def pid(self, name: str) -> int | None:
        for line in self._call("task", "list").splitlines()[1:]:
            task, pid, status = line.split()
            if task == name and status == "RUNNING":
                return int(pid)
        return None

    def owner(self, name: str) -> str | None:
        if name not in self._call("container", "list", "--quiet").split():
            return None
        return str(json.loads(self._call("container", "info", name))["Labels"].get(OWNER, ""))

    def remove(self, name: str) -> bool:
        if name not in self._call("container", "list", "--quiet").split():
            return False
        if name in self._call("task", "list", "--quiet").split():
            self._call("task", "delete", "--force", name)
        self._call("container", "delete", name)
        return True

    def owned_by(self, owner: str) -> list[str]:
        return self._call("container", "list", "--quiet", f'labels."{OWNER}"=="{owner}"').split()

    def run_arguments(self, job: Job) -> list[str]:
        """Arguments of `ctr` for a job, without `options`: in the foreground for one that must be
        started again, since ctr then exits with the container's status."""
        argv = ["run", "--rm"] if job.restart else ["run", "--detach", "--null-io"]
        for key, value in job.labels.items():
            argv += ["--label", f"{key}={value}"]
        if job.cpus is not None:
            argv += ["--cpus", f"{job.cpus:g}"]
        if job.memory is not None:
            argv += ["--memory-limit", str(job.memory)]
        return [*argv, IMAGE, job.name, *job.argv]

    def _call(self, *args: str, data: bytes | None = None) -> str:
        return call(["ctr", *self.options, *args], data=data)


def _forbid_swap(pid: int, memory: int) -> None:
    """Let the container's memory limit cover its swap too, which ctr has no option for: demo-oom
    would be swapped out, not killed. Does nothing where the kernel does not count swap."""
    for line in Path("/proc", str(pid), "cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            file, value = Path("/sys/fs/cgroup", path.strip("/"), "memory.swap.max"), "0"
        elif "memory" in controllers.split(","):
            file = Path("/sys/fs/cgroup/memory", path.strip("/"), "memory.memsw.limit_in_bytes")
            value = str(memory)
        else:
            continue
        with contextlib.suppress(FileNotFoundError):
            file.write_text(value)
