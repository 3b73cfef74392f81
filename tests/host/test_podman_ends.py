"""What Podman leaves on disk about the end of a container: conmon's file, then its database."""

from __future__ import annotations

import os
import time

import pytest

from agent.container.supervisor import find_supervisor
from agent.lifecycle.record import read_conmon
from agent.lifecycle.run import Recorded
from tests.host.daemon import wait_until
from tests.host.podman import PodmanHost

pytestmark = pytest.mark.host


@pytest.mark.parametrize("code", [0, 7])
def test_the_exit_code_is_told_by_conmons_file_and_then_by_the_database(
    any_podman_host: PodmanHost, code: int
) -> None:
    host = any_podman_host
    name = f"ends-{code}"
    began = time.time()
    script = f"until [ -e /go ]; do sleep 0.05; done; exit {code}"
    handle = host.run(name, ["/bin/sh", "-c", script])
    try:
        conmon = find_supervisor("/proc", handle.pid)
        assert conmon is not None
        assert conmon.exit_file.endswith(f"/{handle.id}")
        assert read_conmon(conmon, 1.0, began) == Recorded(1.0)
        host.cli("exec", name, "touch", "/go")
        wait_until(lambda: read_conmon(conmon, 1.0, began).exit_code == code, 20, "the end is told")
        wait_until(lambda: not os.path.exists(conmon.exit_file), 20, "Podman has cleaned up")
        assert read_conmon(conmon, 1.0, began).exit_code == code
        # Another run, which begins later, is not told of by this record.
        assert read_conmon(conmon, 1.0, time.time() + 1).exit_code is None
    finally:
        host.remove(name)
