"""Starts and ends of real containers: what `agent events` says of them, and the page's totals."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pytest

from tests.host.agent import Page, RunningAgent, agent_run, command
from tests.host.containerd import ContainerdHost
from tests.host.cri import CriHost
from tests.host.daemon import PATIENCE, wait_until
from tests.host.docker import DockerHost
from tests.host.podman import PodmanHost

pytestmark = pytest.mark.host

CONTAINERS = 48 if PATIENCE == 1 else 12
"""An emulated machine takes some five seconds to start one."""
AS_MANY = CONTAINERS - max(CONTAINERS // 20, 1)
"""At least 95%; of few, all but one."""
AT_ONCE = 8 if PATIENCE == 1 else 2
BURNS = tuple(seconds * PATIENCE for seconds in (0.06, 0.09, 0.12, 0.2, 0.3))
"""Seconds of CPU. Alone on a core a container lives as long, and with the others up to 500 ms. On a
slow machine what a container uses before its program begins grows as much."""
BURN = (
    "read before rest < /proc/1/schedstat; i=0; while [ $i -lt {loops} ]; do i=$((i+1)); done; "
    "read after rest < /proc/1/schedstat; echo $((after - before)); exit {code}"
)
"""Prints the nanoseconds of CPU it burned, by the scheduler's own count for the process."""
HOG = "x=$(head -c 80000000 /dev/zero | tr '\\0' x)"

Launch = Callable[[str, str], tuple[str, int]]
"""(name, shell script) → (what it printed, exit code); returns when the container ended."""


class Burned(NamedTuple):
    """What one container said of itself."""

    seconds: float
    code: int


def docker(host: DockerHost) -> Launch:
    argv = ["docker", "--host", f"unix://{host.socket}", "run", "--network", "none"]
    return lambda name, script: _launch([*argv, "--name", name, host.image, *_sh(script)])


def ctr(host: ContainerdHost) -> Launch:
    argv = ["ctr", "--address", str(host.socket), "--namespace", host.namespace, "run", "--rm"]
    return lambda name, script: _launch([*argv, host.image, name, *_sh(script)])


def podman(host: PodmanHost) -> Launch:
    return lambda name, script: _launch(
        host.command("run", "--rm", "--network", "none", "--name", name, host.image, *_sh(script)),
        host.environment,
    )


def _sh(script: str) -> list[str]:
    return ["/bin/sh", "-c", script]


def _launch(argv: Sequence[str], environment: Mapping[str, str] | None = None) -> tuple[str, int]:
    done = subprocess.run(argv, capture_output=True, timeout=60 * PATIENCE, env=environment)
    return done.stdout.decode().strip(), done.returncode


class Events:
    """`agent events -o json` as a process."""

    def __init__(self, directory: Path, *settings: str, arguments: Sequence[str] = ()) -> None:
        self._out = directory / "events.jsonl"
        said = directory / "events.stderr"
        options = [part for setting in settings for part in ("--set", setting)]
        with self._out.open("wb") as out, said.open("wb") as err:
            self.process = subprocess.Popen(
                command("events", "-o", "json", *arguments, *options), stdout=out, stderr=err
            )

        def follows() -> bool:
            assert self.process.poll() is None, said.read_text()
            return "following" in said.read_text()

        wait_until(follows, 30, "agent events")

    def of(self, prefix: str) -> list[dict[str, Any]]:
        """Those so far of the containers whose name begins so."""
        whole, _, _ = self._out.read_bytes().rpartition(b"\n")
        found = [orjson.loads(line) for line in whole.splitlines()]
        return [event for event in found if event["name"].startswith(prefix)]


@contextmanager
def following(directory: Path, *settings: str) -> Iterator[Events]:
    events = Events(directory, *settings)
    try:
        yield events
    finally:
        events.process.terminate()
        events.process.wait(30)


@pytest.fixture
def launch(request: pytest.FixtureRequest) -> Launch:
    if request.param == "docker":
        return docker(request.getfixturevalue("docker_host"))
    if request.param == "podman":
        return podman(request.getfixturevalue("podman_host"))
    return ctr(request.getfixturevalue("containerd_host"))


@pytest.fixture
def settings(docker_host: DockerHost, containerd_host: ContainerdHost) -> tuple[str, ...]:
    """Where the private runtimes are."""
    return (
        f"paths.docker=['{docker_host.root}']",
        f"paths.containerd=['{containerd_host.root}']",
    )


@pytest.mark.timeout(300 * PATIENCE)
@pytest.mark.parametrize("launch", ["docker", "containerd", "podman"], indirect=True)
def test_containers_of_a_moment_are_told_with_exit_code_and_cpu_time(
    launch: Launch, settings: tuple[str, ...], tmp_path: Path
) -> None:
    loops = 20_000
    printed, _ = launch("calibrate", BURN.format(loops=loops, code=0))
    per_second = loops / (int(printed) / 1e9)

    def burn(number: int) -> Burned:
        seconds = BURNS[number % len(BURNS)]
        script = BURN.format(loops=int(seconds * per_second), code=number % 7)
        printed, code = launch(f"moment-{number}", script)
        return Burned(int(printed) / 1e9, code)

    with following(tmp_path, *settings) as events:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            burned = dict(enumerate(pool.map(burn, range(CONTAINERS))))

        def exits() -> dict[str, dict[str, Any]]:
            return {e["name"]: e for e in events.of("moment-") if e["event"] == "exited"}

        wait_until(lambda: len(exits()) == CONTAINERS, 20, "an end of every container")
        told = events.of("moment-")

    for number, own in burned.items():
        assert own.code == number % 7
        assert exits()[f"moment-{number}"]["exit_code"] == number % 7
        names = [event["event"] for event in told if event["name"] == f"moment-{number}"]
        assert names == ["started", "exited"]
    cpu = {n: exits()[f"moment-{n}"]["cpu_seconds"] or 0.0 for n in burned}
    right = [n for n, own in burned.items() if abs(cpu[n] / own.seconds - 1) <= 0.1]
    ratios = {n: round(cpu[n] / own.seconds, 3) for n, own in burned.items()}
    print(f"{len(right)} of {CONTAINERS} within 10%: {ratios}")
    assert sum(seconds > 0 for seconds in cpu.values()) >= AS_MANY, ratios
    assert len(right) >= AS_MANY, ratios


@pytest.fixture
def agent(tmp_path: Path, settings: tuple[str, ...]) -> Iterator[RunningAgent]:
    with agent_run(tmp_path, "probes.enabled=false", "logs.enabled=false", *settings) as running:
        wait_until(
            lambda: bool(running.page().series("agent_lifecycle_watcher", what="realtime")),
            30,
            "the watcher",
        )
        yield running


def when(agent: RunningAgent, holds: Callable[[Page], bool], what: str) -> Page:
    """The first page of which `holds` is true."""
    pages: list[Page] = []

    def look() -> bool:
        pages.append(agent.page())
        return holds(pages[-1])

    wait_until(look, 60, what)
    return pages[-1]


def values(page: Page, metric: str, **labels: str) -> float:
    """The sum of the series, 0 where there is none yet."""
    return sum(value for _, value in page.series(metric, **labels))


def test_an_oom_kill_is_counted_over_the_restart_it_causes(
    docker_host: DockerHost, agent: RunningAgent
) -> None:
    seen: list[float] = []

    def settled(page: Page) -> bool:
        seen.extend(v for _, v in page.series("container_oom_events_total", name="phoenix"))
        # Its third run goes on.
        return values(page, "container_restarts_total", name="phoenix") == 2 and bool(
            page.series("container_oom_events_total", name="phoenix")
        )

    script = f"echo >> /runs; [ $(wc -l < /runs) -gt 2 ] || {HOG}; sleep 100"
    try:
        docker_host.cli(
            *("run", "--detach", "--name", "phoenix", "--network", "none", "--memory", "8m"),
            *("--restart", "on-failure:5", docker_host.image, *_sh(script)),
        )
        page = when(agent, settled, "the third run")
        docker_host.cli("stop", "--time", "0", "phoenix")
        after = when(
            agent,
            lambda page: values(page, "container_exits_total", name="phoenix") == 3,
            "the last end",
        )
    finally:
        docker_host.remove("phoenix")
    assert seen == sorted(seen)
    # One run may lose more than one process to the kernel before the runtime ends it.
    kills = page.value("container_oom_events_total", name="phoenix")
    assert kills >= 2
    assert page.value("container_exits_total", name="phoenix", reason="OOMKilled") == 2
    assert page.value("container_exited_oom_kills_total", name="phoenix") == kills
    assert page.value("container_last_exit_code", name="phoenix") == 137
    assert page.value("container_exited_memory_peak_bytes", name="phoenix") == 8 << 20
    # Killed, and not for memory: the kill of an earlier run is not this one's.
    assert after.labels("container_last_exit_reason", name="phoenix")["reason"] == "Error"


def test_restarts_and_what_the_runs_used_are_summed(
    docker_host: DockerHost, agent: RunningAgent
) -> None:
    try:
        docker_host.cli(
            *("run", "--detach", "--name", "stumble", "--network", "none"),
            *("--restart", "on-failure:2", docker_host.image),
            *_sh(BURN.format(loops=30_000, code=3)),
        )
        page = when(
            agent,
            lambda page: values(page, "container_exits_total", name="stumble") == 3,
            "three ends",
        )
        burned = [int(line) / 1e9 for line in docker_host.cli("logs", "stumble").split()]
    finally:
        docker_host.remove("stumble")
    assert page.value("container_restarts_total", name="stumble") == 2
    # Docker starts the next run at once, and with it the last exit code is gone.
    missed = page.value("agent_lifecycle_missed_total", what="exit_code")
    assert missed == 0 or PATIENCE > 1
    ends = page.series("container_exits_total", name="stumble")
    told = {"Error": 3 - missed, "Unknown": missed}
    assert {labels["reason"]: count for labels, count in ends if count} == {
        reason: count for reason, count in told.items() if count
    }
    assert page.value("container_last_exit_code", name="stumble") == 3
    assert page.value("container_exited_unread_total", name="stumble") == 0
    cpu = page.value("container_exited_cpu_seconds_total", name="stumble")
    assert cpu == pytest.approx(sum(burned), rel=0.2)
    assert set(page.labels("container_restarts_total", name="stumble")) == {
        *("container", "name", "namespace", "pod")
    }


def test_health_is_told_as_it_changes(
    docker_host: DockerHost, agent: RunningAgent, settings: tuple[str, ...], tmp_path: Path
) -> None:
    version = docker_host.cli("version", "--format", "{{.Server.Version}}")
    if int(version.partition(".")[0]) >= 26:
        pytest.skip("Docker 26 and newer keep health in memory (moby/moby#47044)")
    with following(tmp_path, *settings) as events:
        try:
            docker_host.cli(
                *("run", "--detach", "--name", "patient", "--network", "none"),
                *("--health-cmd", "test -e /well", "--health-interval", "0.2s"),
                *("--health-retries", "1", docker_host.image, *_sh("sleep 100")),
            )
            when(
                agent,
                lambda page: bool(page.series("container_health_state", name="patient")),
                "a state",
            )
            wait_until(
                lambda: any(e.get("health") == "unhealthy" for e in events.of("patient")),
                30,
                "unhealthy",
            )
            docker_host.cli("exec", "patient", "touch", "/well")
            when(
                agent,
                lambda page: values(page, "container_health_state", name="patient") == 1,
                "healthy",
            )
            told = [e["health"] for e in events.of("patient") if e["event"] == "health"]
        finally:
            docker_host.remove("patient")
    # Docker writes "starting" down just before the start or just after it.
    assert [health for health in told if health != "starting"] == ["unhealthy", "healthy"]


def test_a_program_that_cannot_be_started_has_dockers_exit_code(
    docker_host: DockerHost, settings: tuple[str, ...], tmp_path: Path
) -> None:
    with following(tmp_path, *settings) as events:
        name = f"nothing-{os.getpid()}"
        argv = ["docker", "--host", f"unix://{docker_host.socket}", "run", "--name", name]
        done = subprocess.run(
            [*argv, "--network", "none", docker_host.image, "/nothing"], capture_output=True
        )
        assert done.returncode == 127
        try:
            wait_until(
                lambda: [e["event"] for e in events.of(name)][-1:] == ["exited"], 20, "its end"
            )
            (end,) = [e for e in events.of(name) if e["event"] == "exited"]
        finally:
            docker_host.remove(name)
    assert (end["exit_code"], end["reason"], end["run_seconds"]) == (127, "Error", None)


def test_a_pods_container_is_summed_over_its_attempts(cri_host: CriHost, tmp_path: Path) -> None:
    """Each attempt is another container to containerd, with another id and cgroup."""
    settings = (f"paths.containerd=['{cri_host.root}']", "probes.enabled=false")
    with agent_run(tmp_path, "logs.enabled=false", *settings) as agent:
        when(agent, lambda page: bool(page.series("agent_lifecycle_watcher")), "the watcher")
        pod = cri_host.run_pod("relay")
        try:
            for attempt, code in enumerate((3, 3, 0)):
                burn = BURN.format(loops=20_000, code=code)
                handle = cri_host.start(pod, "runner", _sh(burn), attempt=attempt)
                wait_until(lambda id_=handle.id: cri_host.exited(id_) is not None, 20, "its end")  # type: ignore[misc]
            page = when(
                agent,
                lambda page: values(page, "container_exits_total", pod="relay") == 3,
                "three ends",
            )
        finally:
            cri_host.remove(pod)
    who = {"namespace": "test", "pod": "relay", "container": "runner", "name": ""}
    assert page.value("container_restarts_total", **who) == 2
    assert page.value("container_exits_total", reason="Error", **who) == 2
    assert page.value("container_exits_total", reason="Completed", **who) == 1
    assert page.value("container_last_exit_code", **who) == 0
    assert page.value("container_exited_cpu_seconds_total", **who) > 0.03
