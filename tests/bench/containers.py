"""A Docker for the benchmarks, found or started, and containers in it that do a little."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from agent.demo.image import archive, find_busybox
from tests.host.containerd import ContainerdHost
from tests.host.daemon import HostUnavailable, session_directory
from tests.host.docker import DockerHost

_IMAGE = "localhost/agent-bench:1"


class CannotRun(RuntimeError):
    """This machine lacks something; says what."""


@contextmanager
def a_docker() -> Iterator[str]:
    """The address of a Docker, which is in DOCKER_HOST meanwhile."""
    if shutil.which("docker") is None:
        raise CannotRun("docker is not installed")
    if _docker("version", check=False).returncode == 0:
        yield os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
        return
    with ExitStack() as stack:
        try:
            directory = stack.enter_context(session_directory())
            containerd = ContainerdHost(directory)
            stack.callback(containerd.close)
            docker = DockerHost(directory, containerd)
            stack.callback(docker.close)
        except HostUnavailable as reason:
            raise CannotRun(f"no Docker answers here, and none can be started: {reason}") from None
        before = os.environ.get("DOCKER_HOST")
        os.environ["DOCKER_HOST"] = address = f"unix://{docker.socket}"
        try:
            yield address
        finally:
            del os.environ["DOCKER_HOST"]
            if before is not None:
                os.environ["DOCKER_HOST"] = before


@contextmanager
def running(count: int) -> Iterator[None]:
    """So many containers that wake up once a second."""
    prefix = f"agent-bench-{os.getpid()}-"
    _docker("load", data=archive(find_busybox(), _IMAGE))
    try:
        for number in range(count):
            _docker(
                *("run", "--detach", "--network", "none", "--name", f"{prefix}{number}"),
                *(_IMAGE, "/bin/sh", "-c", "while :; do sleep 1; done"),
            )
        yield
    finally:
        made = _docker("ps", "--all", "--quiet", "--filter", f"name={prefix}", check=False)
        if ids := made.stdout.decode().split():
            _docker("rm", "--force", "--volumes", *ids, check=False)
        _docker("rmi", _IMAGE, check=False)


def _docker(
    *arguments: str, data: bytes | None = None, check: bool = True
) -> subprocess.CompletedProcess[bytes]:
    done = subprocess.run(["docker", *arguments], input=data, capture_output=True)
    if check and done.returncode:
        raise CannotRun(f"docker {arguments[0]}: {done.stderr.decode().strip()}")
    return done
