"""What tests in the guest share: the host's own daemons, under systemd, on cgroup v2.

Only a guest's daemons may be started and filled like this: without AGENT_GUEST nothing here runs.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

from tests.host.containerd import IMAGE, test_image
from tests.host.daemon import run, wait_until

IN_GUEST: Final = (
    pytest.mark.host,
    pytest.mark.skipif(os.environ.get("AGENT_GUEST") != "1", reason="runs in a guest: make guest"),
)
SLOW: Final = 30.0
"""Seconds, times AGENT_TEST_PATIENCE, that an emulated machine may take for one command."""
SLEEP: Final = ("/bin/sleep", "1000")


class Runtime:
    """A runtime's command line, with the test's image loaded."""

    def __init__(self, program: str) -> None:
        self.program = program
        self.image = IMAGE
        run([program, "load"], data=test_image(), timeout=SLOW)

    def cli(self, *arguments: str) -> str:
        """Run its command; return what it printed."""
        return run([self.program, *arguments], timeout=SLOW)

    def start(self, name: str, argv: Sequence[str] = SLEEP, *options: str) -> str:
        """Start a container without a network; return its id."""
        network = () if any(option.startswith("--network") for option in options) else ("none",)
        chosen = ("--network", *network) if network else ()
        out = self.cli("run", "--detach", "--name", name, *chosen, *options, self.image, *argv)
        return out.strip().splitlines()[-1]

    def pid(self, name: str) -> int:
        """The pid of its first process."""
        shown = json.loads(self.cli("container", "inspect", name))[0]
        return int(shown["State"]["Pid"])

    def remove(self, name: str) -> None:
        """End and delete it."""
        self.cli("rm", "--force", name)


def start_docker() -> Runtime:
    """Docker as its package sets it up: systemd's cgroup driver, containerd beside it."""
    run(["systemctl", "start", "containerd", "docker"], timeout=60)
    return Runtime("docker")


def pids_of(cgroup: str) -> list[int]:
    """The processes right in a cgroup of the v2 hierarchy."""
    text = Path(f"/sys/fs/cgroup{cgroup}/cgroup.procs").read_text()
    return [int(word) for word in text.split()]


def await_file(path: Path) -> None:
    """Wait for a file."""
    wait_until(path.exists, SLOW, str(path))


def whole_lines(path: Path) -> list[str]:
    """The lines of a file that somebody writes to, without the one that is being written."""
    text = path.read_text() if path.exists() else ""
    return text[: text.rfind("\n") + 1].splitlines()
