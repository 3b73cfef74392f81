"""Docker and Podman: one set of commands, and the options in which they differ."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from agent.demo.client import IMAGE, OWNER, CommandFailed, DemoError, Job, Started, call
from agent.records import dataclass

_FILES: Final = 1048576
"""RLIMIT_NOFILE that Podman asks for by default."""
_PROCESSES: Final = 32768
"""RLIMIT_NPROC that Podman gives itself before it starts crun, which then cannot raise it."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """Where the two differ. Every field but the first is arguments."""

    program: str
    probe: tuple[str, ...]
    """A command that succeeds when containers can be run."""
    log: tuple[str, ...]
    """A log the agent reads, and that cannot fill the disk: 1,000 lines/s are 13 GB a day."""
    limits: tuple[str, ...]
    remove: tuple[str, ...]


class Engine:
    """Docker or Podman through its client. options: the client's own, which say where it is."""

    keeps_logs = True

    def __init__(self, dialect: Dialect, options: Sequence[str]) -> None:
        self.name = dialect.program
        self.options = tuple(options)
        self._dialect = dialect

    def unusable(self) -> str:
        if shutil.which(self.name) is None:
            return f"{self.name} is not installed"
        try:
            self._call(*self._dialect.probe)
        except DemoError as error:
            return str(error)
        return ""

    def load(self, image: bytes) -> None:
        self._call("load", "--quiet", data=image)

    def unload(self) -> None:
        with contextlib.suppress(CommandFailed):  # not there, or a container of somebody else's
            self._call("image", "rm", IMAGE)

    def start(self, job: Job) -> Started:
        container_id = self._call(*self.run_arguments(job)).strip()
        return Started(container_id, self.pid(container_id))

    def pid(self, name: str) -> int | None:
        pid = int(self._call("container", "inspect", "--format", "{{.State.Pid}}", name))
        return pid if pid and Path("/proc", str(pid)).exists() else None

    def owner(self, name: str) -> str | None:
        try:
            shown = self._call("container", "inspect", "--format", "{{json .Config.Labels}}", name)
        except CommandFailed as error:
            if "no such container" in error.said.lower():
                return None
            raise
        return str((json.loads(shown) or {}).get(OWNER, ""))

    def remove(self, name: str) -> bool:
        if self.owner(name) is None:
            return False
        self._call("rm", "--force", "--volumes", *self._dialect.remove, name)
        return True

    def owned_by(self, owner: str) -> list[str]:
        listed = self._call(
            "ps", "--all", "--filter", f"label={OWNER}={owner}", "--format", "{{.Names}}"
        )
        return listed.split()

    def run_arguments(self, job: Job) -> list[str]:
        """Arguments of the client for a job, without `options`."""
        argv = ["run", "--detach", "--name", job.name, "--network", "none", "--pull", "never"]
        for key, value in job.labels.items():
            argv += ["--label", f"{key}={value}"]
        if job.cpus is not None:
            argv += ["--cpus", f"{job.cpus:g}"]
        if job.memory is not None:
            argv += ["--memory", str(job.memory), "--memory-swap", str(job.memory)]
        if job.restart:
            # on-failure, not always: nothing comes back after a reboot.
            argv += ["--restart", "on-failure"]
        return [*argv, *self._dialect.log, *self._dialect.limits, IMAGE, *job.argv]

    def _call(self, *args: str, data: bytes | None = None) -> str:
        return call([self.name, *self.options, *args], data=data)


def docker(options: Sequence[str] = ()) -> Engine:
    """Through `docker`. options: --host, else DOCKER_HOST, else the client's own context."""
    host = os.environ.get("DOCKER_HOST", "")
    dialect = Dialect(
        program="docker",
        probe=("version", "--format", "{{.Server.Version}}"),
        log=("--log-driver", "json-file", "--log-opt", "max-size=10m", "--log-opt", "max-file=3"),
        limits=(),
        remove=(),
    )
    return Engine(dialect, options or (("--host", host) if host else ()))


def podman(options: Sequence[str] = ()) -> Engine:
    """Through `podman`. options: --root, --runroot and other global ones."""
    options = tuple(options)
    if "--cgroup-manager" not in options and not Path("/run/systemd/system").is_dir():
        options += ("--cgroup-manager", "cgroupfs")
    # crun refuses v1 controllers beside a mounted cgroup2; runc does not.
    hybrid = Path("/sys/fs/cgroup/unified/cgroup.procs").exists()
    if "--runtime" not in options and hybrid and shutil.which("runc"):
        options += ("--runtime", "runc")
    dialect = Dialect(
        program="podman",
        probe=("info", "--format", "{{.Host.OCIRuntime.Name}}"),
        log=("--log-driver", "k8s-file", "--log-opt", "max-size=10m"),
        limits=process_limits(
            resource.getrlimit(resource.RLIMIT_NOFILE)[1],
            resource.getrlimit(resource.RLIMIT_NPROC)[1],
        ),
        remove=("--time", "0"),
    )
    return Engine(dialect, options)


def process_limits(files: int, processes: int) -> tuple[str, ...]:
    """Podman's arguments for limits that need no CAP_SYS_RESOURCE, where its own would, from our
    hard limits (RLIM_INFINITY is -1)."""
    if files == resource.RLIM_INFINITY or files >= _FILES:
        return ()
    if processes == resource.RLIM_INFINITY or processes > _PROCESSES:
        processes = _PROCESSES
    return ("--ulimit", f"nofile={files}:{files}", "--ulimit", f"nproc={processes}:{processes}")
