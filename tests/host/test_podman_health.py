"""Health checks of real Podman containers: what Podman writes down is on the page."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.host.agent import RunningAgent, agent_run
from tests.host.daemon import wait_until
from tests.host.podman import PodmanHost

pytestmark = [pytest.mark.host, pytest.mark.timeout(120)]

SLEEP = ("sh", "-c", "sleep 600")
# Nobody runs it but this test: systemd, which Podman would ask to, is not everywhere.
CHECK = ("--health-cmd", "test ! -e /ill", "--health-interval", "disable", "--health-retries", "1")


def told(agent: RunningAgent, name: str) -> list[float]:
    return [value for _, value in agent.page().series("container_health_state", name=name)]


def shows(agent: RunningAgent, name: str, state: float) -> None:
    wait_until(lambda: told(agent, name) == [state], 20, f"{name} is {state}")


def test_the_page_has_the_state_of_a_check(any_podman_host: PodmanHost, tmp_path: Path) -> None:
    host = any_podman_host
    found, later, plain = "health-found", "health-later", "health-none"
    names = [found]
    try:
        host.run(found, SLEEP, options=CHECK)
        host.cli("healthcheck", "run", found)
        with agent_run(tmp_path, f"paths.podman=['{host.root}']") as agent:
            shows(agent, found, 1)
            for name, options in ((later, CHECK), (plain, ())):
                names.append(name)
                host.run(name, SLEEP, options=options)
            shows(agent, plain, -1)
            shows(agent, later, 0)
            host.cli("healthcheck", "run", later)
            shows(agent, later, 1)
            host.cli("exec", later, "touch", "/ill")
            with pytest.raises(subprocess.SubprocessError, match="status 1"):
                host.cli("healthcheck", "run", later)
            shows(agent, later, 0)
    finally:
        for name in names:
            host.remove(name)
