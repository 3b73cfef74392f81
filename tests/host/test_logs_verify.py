"""`agent logs --verify` with the container runtime of this host."""

from __future__ import annotations

import subprocess
import sys

import pytest

from agent.demo.deploy import make_runtime
from agent.demo.image import NoBusybox, find_busybox
from agent.demo.state import default_places
from tests.log_host import ROOT


@pytest.mark.host
@pytest.mark.parametrize("runtime", ["docker", "podman"])
def test_every_line_of_a_container_arrives_once_and_in_order(runtime: str) -> None:
    if reason := make_runtime(runtime, (), default_places()).unusable():
        pytest.skip(reason)
    try:
        find_busybox()
    except NoBusybox as error:
        pytest.skip(str(error))
    done = subprocess.run(
        [sys.executable, "-m", "agent", "logs", "--verify",
         "--lines", "5000", "--runtime", runtime],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "received        5000" in done.stdout
    assert "every line arrived, once and in order" in done.stdout
    name = done.stdout.split()[5]
    assert make_runtime(runtime, (), default_places()).owner(name) is None, "it is removed"
