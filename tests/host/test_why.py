"""`agent why` on real containers of a real Docker: the cause of each, nothing of a healthy one."""

from __future__ import annotations

import subprocess
from dataclasses import replace

import orjson
import pytest

from agent.demo.workloads import EXIT_STATUS, WORKLOADS
from tests.host.agent import command
from tests.host.daemon import PATIENCE
from tests.host.docker import DockerHost

pytestmark = [pytest.mark.host, pytest.mark.timeout(180)]

PREFIX = "why-"
SCRIPTS = {workload.name: workload for workload in WORKLOADS}
# Comes back each two seconds, so that the time looked at can be short.
QUICK = replace(SCRIPTS["exiter"], script=f"sleep 2; exit {EXIT_STATUS}")


@pytest.fixture(scope="module")
def diagnosis(docker_host: DockerHost) -> dict[str, dict[str, dict[str, object]]]:
    """Container → rule → its finding, of 12 seconds."""
    names = []
    for workload in (
        SCRIPTS["throttled"],
        SCRIPTS["memory"],
        SCRIPTS["oom"],
        QUICK,
        SCRIPTS["idle"],
    ):
        name = PREFIX + workload.name
        docker_host.run(
            name,
            ("sh", "-c", workload.script),
            memory=workload.memory,
            cpus=workload.cpus,
            options=("--restart", "always") if workload.restart else (),
        )
        names.append(name)
    done = subprocess.run(
        command("why", "--seconds", "12", "-o", "json"),
        capture_output=True,
        timeout=60 * PATIENCE,
        check=False,
    )
    for name in names:
        docker_host.remove(name)
    assert done.returncode == 0, done.stderr.decode()
    return {
        container["name"]: {finding["rule"]: finding for finding in container["findings"]}
        for container in orjson.loads(done.stdout)["containers"]
    }


def test_each_cause_is_named_at_its_container(
    diagnosis: dict[str, dict[str, dict[str, object]]],
) -> None:
    assert "cpu_throttled" in diagnosis["why-throttled"]
    assert "oom_killed" in diagnosis["why-oom"]
    assert {"oom_risk", "mem_thrash"} & diagnosis["why-memory"].keys()
    assert f"exit {EXIT_STATUS}" in str(diagnosis["why-exiter"]["crash_loop"]["summary"])


def test_throttling_is_not_taken_for_a_busy_host(
    diagnosis: dict[str, dict[str, dict[str, object]]],
) -> None:
    assert "cpu_starved" not in diagnosis["why-throttled"]


def test_the_idle_container_has_nothing(
    diagnosis: dict[str, dict[str, dict[str, object]]],
) -> None:
    assert diagnosis["why-idle"] == {}
