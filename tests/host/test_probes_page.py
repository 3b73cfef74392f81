"""The always-on probes of a running agent: what its page says of real containers."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from agent.bpf.attach import parse_cgroup2
from agent.bpf.facts import Facts
from agent.bpf.support import refuse_loader
from tests.agent.bpf.conftest import facts  # noqa: F401 a fixture
from tests.agent.bpf.test_always_on import BLOCK, DIRECT_IO, READS, WRITES, make_file
from tests.agent.bpf.test_lifecycle import StartWorkload, Workload, start  # noqa: F401 a fixture
from tests.host.agent import Page, RunningAgent, agent_run
from tests.host.daemon import wait_until
from tests.host.docker import DockerHost

pytestmark = pytest.mark.host

EXECS = 23


def test_requests_and_a_containers_own_cgroups_are_told_by_container(
    docker_host: DockerHost,
    start: StartWorkload,  # noqa: F811
    facts: Facts,  # noqa: F811
    tmp_path: Path,
) -> None:
    if reason := refuse_loader(facts, "libbpf"):
        pytest.skip(reason)
    settings = ("logs.enabled=false", f"paths.docker=['{docker_host.root}']")
    busy, idle = start("page", DIRECT_IO), start("page-idle", "")
    make_file(busy.shared, READS * BLOCK)
    try:
        os.close(os.open(busy.shared / "file", os.O_RDONLY | os.O_DIRECT))
    except OSError as error:
        pytest.skip(f"{busy.shared}: no direct I/O: {error}")
    with agent_run(tmp_path, *settings) as agent:
        await_value(agent, "container_execs_total", idle, 0)
        busy.do()
        requests = "container_block_io_latency_seconds_count"
        page = await_value(agent, requests, busy, WRITES, operation="write")
        assert value(page, requests, busy, operation="read") == READS
        moved = value(page, "container_block_io_bytes_total", busy, operation="read")
        assert moved == READS * BLOCK
        assert page.series(requests, name=idle.name) == []

        inner = directory(busy) / "of-its-own"
        inner.mkdir()
        before = value(page, "container_execs_total", busy)
        execs = "i=0; while [ $i -lt $0 ]; do /bin/true; i=$((i+1)); done"
        script = f"echo $$ > {inner}/cgroup.procs; {execs}"
        subprocess.run(["/bin/sh", "-c", script, str(EXECS)], check=True)
        await_value(agent, "container_execs_total", busy, before + EXECS)
        inner.rmdir()
        for _ in range(2):
            wait_for_a_new_tick(agent)
            page = agent.page()
            assert value(page, "container_execs_total", busy) == before + EXECS
        assert value(page, "container_execs_total", idle) == 0
        # The one above, however long it was there.
        for what in ("made", "removed"):
            assert value(page, f"container_child_cgroups_{what}_total", busy) == 1
            assert page.series(f"container_child_cgroups_{what}_total", name=idle.name) == []
        ((_, tells),) = page.series("agent_lifecycle_watcher", what="probe")
        assert tells == 1


def directory(workload: Workload) -> Path:
    """Its cgroup2 directory."""
    root = parse_cgroup2(Path("/proc/self/mounts").read_text())[0]
    lines = Path(f"/proc/{workload.pid}/cgroup").read_text().splitlines()
    return Path(root + next(line[3:] for line in lines if line.startswith("0::")))


def value(page: Page, metric: str, workload: Workload, **labels: str) -> float:
    (found,) = (number for _, number in page.series(metric, name=workload.name, **labels))
    return found


def await_value(
    agent: RunningAgent, metric: str, workload: Workload, number: float, **labels: str
) -> Page:
    pages: list[Page] = []

    def has() -> bool:
        pages.append(agent.page())
        found = pages[-1].series(metric, name=workload.name, **labels)
        return [value for _, value in found] == [number]

    wait_until(has, 30, f"{metric} {number} of {workload.name}")
    return pages[-1]


def wait_for_a_new_tick(agent: RunningAgent) -> None:
    """A page of a reading made after now."""

    def ticks() -> float:
        (seconds,) = (
            number for _, number in agent.page().series("agent_source_seconds_total", source="walk")
        )
        return seconds

    before = ticks()
    wait_until(lambda: ticks() > before, 30, "another reading")
