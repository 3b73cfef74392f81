"""Who the agent says a process of a real container is, at its first look and without a socket."""

from __future__ import annotations

import os
from pathlib import Path

from agent.cgroupfs.reading import Cgroup
from agent.config import HostPaths
from agent.container.container import Container
from agent.container.discovery import Discovery
from agent.container.log_source import LogSource
from agent.container.log_sources import LogSources
from agent.kernelfile import read
from agent.procfs.pid import parse_pid_cgroup
from tests.host.daemon import CGROUP_ROOT, run

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


def named(paths: HostPaths, pid: int, above: int = 0) -> Container:
    """What a new Discovery makes of the cgroup of `pid`, or `above` levels above, at its first
    look."""
    discovery = Discovery(paths)
    found = discovery.container_of(cgroup_of(pid, above), lambda: (pid,))
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
