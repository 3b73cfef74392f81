"""`agent why` on real containers of a real Docker: the cause of each, nothing of a healthy one."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from typing import cast

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
QUICK = replace(
    SCRIPTS["exiter"], script=f"sleep 2; echo no database at db:5432 >&2; exit {EXIT_STATUS}"
)


SPIN = "while :; do :; done"
KERNEL_LOG = os.access("/dev/kmsg", os.R_OK)


def says(finding: dict[str, object]) -> list[str]:
    return [evidence["says"] for evidence in cast(list[dict[str, str]], finding["evidence"])]


@pytest.fixture(scope="module")
def diagnosis(docker_host: DockerHost) -> dict[str, dict[str, dict[str, object]]]:
    """Container → rule → its finding, of 12 seconds."""
    names = []
    for workload in (
        SCRIPTS["throttled"],
        SCRIPTS["memory"],
        SCRIPTS["oom"],
        SCRIPTS["io"],
        SCRIPTS["logger"],
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
    # Two that want the same CPU.
    for name in (PREFIX + "pinned", PREFIX + "taker"):
        docker_host.run(name, ("sh", "-c", SPIN), options=("--cpuset-cpus", "0"))
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
    assert {"io_stall", "io_heavy"} & diagnosis["why-io"].keys()
    assert "log_flood" in diagnosis["why-logger"]
    assert f"exit {EXIT_STATUS}" in str(diagnosis["why-exiter"]["crash_loop"]["summary"])


def test_throttling_is_not_taken_for_a_busy_host(
    diagnosis: dict[str, dict[str, dict[str, object]]],
) -> None:
    assert "cpu_starved" not in diagnosis["why-throttled"]


def test_the_idle_container_has_nothing(
    diagnosis: dict[str, dict[str, dict[str, object]]],
) -> None:
    assert diagnosis["why-idle"] == {}


def test_a_crash_loop_shows_what_it_printed_last(
    diagnosis: dict[str, dict[str, dict[str, object]]],
) -> None:
    assert "it printed: no database at db:5432" in says(diagnosis["why-exiter"]["crash_loop"])


def test_throttling_names_the_processes(
    diagnosis: dict[str, dict[str, dict[str, object]]],
) -> None:
    said = says(diagnosis["why-throttled"]["cpu_throttled"])
    assert any(text.startswith("busiest processes: ") for text in said)


@pytest.mark.skipif(not KERNEL_LOG, reason="the kernel's log cannot be read here")
def test_an_oom_kill_names_the_victim_and_the_limit(
    diagnosis: dict[str, dict[str, dict[str, object]]],
) -> None:
    killed = [text for text in says(diagnosis["why-oom"]["oom_killed"]) if "killed: " in text]
    assert "dd (pid " in killed[0]
    assert "for the limit of /docker/" in killed[0]


def test_of_two_on_one_cpu_each_is_told_who_has_it(
    diagnosis: dict[str, dict[str, dict[str, object]]],
) -> None:
    said = says(diagnosis["why-pinned"]["cpu_starved"])
    (taken,) = [text for text in said if "from it" in text]
    if "is not known" in taken:
        pytest.skip(taken)
    # On a busy host others take it more often than the one that wants it all.
    assert taken.startswith("the CPU was taken from it by ")
    assert any("why-taker" in text for text in said)
