"""Containers that do what a test tells them, a piece of Python at a time, to make exact traffic.

The container's only process runs the host's Python, which is lent to it: `docker exec` would bring
processes and sockets of others. What is told runs in one namespace, and the value of `answer` comes
back, so each step is over when `do` returns.
"""

from __future__ import annotations

import os
import select
from pathlib import Path

import orjson
import pytest

from tests.agent.bpf.test_lifecycle import cgroup_id
from tests.host.docker import DockerHost
from tests.host.handle import Network

SECONDS = 30.0
_LENT = ("/usr:/usr", "/usr/lib:/lib", "/usr/lib64:/lib64")
_LOOP = """
import json, socket
space = {"socket": socket}
with open("/shared/told") as told, open("/shared/said", "w") as said:
    for line in told:
        try:
            exec(json.loads(line), space)
            reply = {"answer": space.pop("answer", None)}
        except BaseException as error:
            reply = {"error": repr(error)}
        print(json.dumps(reply), file=said, flush=True)
"""


class Talker:
    """One such container."""

    def __init__(self, docker: DockerHost, name: str, network: Network, shared: Path) -> None:
        for path in ("/usr/bin/python3", "/usr/lib", "/usr/lib64"):
            if not os.path.exists(path):
                pytest.skip(f"no {path} to lend to a container")
        self._docker = docker
        self.name = name
        shared.mkdir()
        os.mkfifo(shared / "told")
        os.mkfifo(shared / "said")
        # Both ways, so that open(2) waits for nobody.
        self._told = os.open(shared / "told", os.O_RDWR | os.O_CLOEXEC)
        self._said = os.open(shared / "said", os.O_RDWR | os.O_CLOEXEC)
        lent = [f"--volume={path}:ro" for path in _LENT]
        handle = docker.run(
            name,
            ["/usr/bin/python3", "-I", "-c", _LOOP],
            network=network,
            options=(f"--volume={shared}:/shared", *lent),
        )
        self.pid = handle.pid
        self.cgroup = cgroup_id(handle.pid)

    def tell(self, code: str) -> None:
        """Begin with it. `heard` waits for its end."""
        os.write(self._told, orjson.dumps(code) + b"\n")

    def heard(self) -> object:
        """Wait for what was told last, and return its `answer`."""
        line = b""
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([self._said], [], [], SECONDS)
            assert ready, f"{self.name} has not answered for {SECONDS} s"
            line += os.read(self._said, 65536)
        reply = orjson.loads(line)
        assert "error" not in reply, f"{self.name}: {reply['error']}"
        return reply["answer"]

    def do(self, code: str) -> object:
        """Run it there, to its end."""
        self.tell(code)
        return self.heard()

    def end(self) -> None:
        """Remove the container."""
        self._docker.remove(self.name)
        os.close(self._told)
        os.close(self._said)
