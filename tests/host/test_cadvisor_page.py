"""The page beside cAdvisor's own, of the same Docker containers, series by series.

Whoever replaces cAdvisor has the same names, labels and values, but for what is listed here, each
with its reason; docs/metrics.md says them all to operators.

It runs where cAdvisor is: AGENT_CADVISOR is its program (built from its repository:
`cd cmd && CGO_ENABLED=0 go build .`), or python -m tests.bench.against_cadvisor has built it once.
"""

from __future__ import annotations

import os
import re
import socket
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from prometheus_client.parser import text_string_to_metric_families

from exporters.prometheus import cadvisor
from tests.bench.against_cadvisor import VERSION
from tests.host.agent import agent_run
from tests.host.daemon import Daemon, wait_until
from tests.host.docker import DockerHost

pytestmark = pytest.mark.host

Labels = tuple[tuple[str, str], ...]
Key = tuple[str, Labels]
LABELS: Final = ("com.docker.compose.project", "com.docker.compose.service", "team.name")
SPIN: Final = "while :; do i=$((i+1)); done"
CONTAINERS: Final[Mapping[str, tuple[str, ...]]] = {
    "limits": (
        *("--memory=64m", "--memory-reservation=32m", "--cpus=0.2", "--cpu-shares=512"),
        *("--pids-limit=100", "--label=com.docker.compose.project=shop"),
        *("--label=com.docker.compose.service=web", "--label=team.name=a b", SPIN),
    ),
    "plain": ("while :; do sleep 1; done",),
    "host": ("--network=host", "--label=team.name=x", "while :; do sleep 1; done"),
    "paused": ("--memory=128m", "x=$(head -c 1000000 /dev/zero | tr '\\0' x); sleep 1000"),
}
CPU: Final = re.compile(r"container_cpu_(usage|user|system)_seconds_total")
TICK: Final = 0.03
"""Seconds: v1's user and system time, as cAdvisor reads it, is in ticks of 10 ms."""

MISSING: Final[tuple[tuple[str, str, str], ...]] = (
    ("container_blkio_device_usage_total", "", "v1's Async, Discard, Sync, Total and idle devices"),
    ("container_cpu_usage_seconds_total", "cpu0", "v1's CPUs"),
    ("container_fs_.*", 'device=""', "a device without a name"),
    ("container_fs_.*", 'id="/"', "filesystems in memory, and of containers"),
    ("container_fs_(reads|writes)_total", "", "the host's number stamped on a container"),
    ("container_health_state", 'id="/', "of containers alone"),
    ("container_memory_(events_high|pgscan|pgsteal)_total", "", "nothing counts them on v1"),
    ("container_network_.*", "host", "the host's network is told at / alone"),
    ("container_oom_events_total", 'id="/', "of nothing that is no container on v1"),
    ("machine_.*", "", "WITHOUT_NAMES"),
)
"""(name, what its labels contain, why): series that are on their page and not on ours."""
EXTRA: Final[tuple[tuple[str, str, str], ...]] = (
    ("container_blkio_device_usage_total", "", "devices that cAdvisor has no name of"),
    ("container_cpu_usage_seconds_total", 'cpu="total"', "as on v2"),
    ("container_fs_.*", "", "devices that cAdvisor has no name of; on every runtime"),
    ("container_(processes|threads|sockets|file|ulimits).*", "", "its default is to tell none"),
    ("machine_scrape_error", "", "without labels"),
)
"""The same of those on ours and not on theirs."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One page: its series without empty labels, and when each was taken."""

    values: Mapping[Key, float]
    taken: Mapping[Key, float | None]
    types: Mapping[str, str]


@pytest.fixture
def program() -> Path:
    home = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    built = home / f"container-agent/bench/cadvisor-{VERSION}/cadvisor"
    found = Path(os.environ.get("AGENT_CADVISOR", built))
    if not found.exists():
        pytest.skip(f"no cAdvisor at {found}")
    return found


@pytest.fixture
def names(docker_host: DockerHost) -> Iterator[list[str]]:
    """Containers that differ in what a page can say of them."""
    made = []
    try:
        for name, (*options, script) in CONTAINERS.items():
            made.append(f"beside-{os.getpid()}-{name}")
            network = [] if any("--network" in option for option in options) else ["--network=none"]
            docker_host.cli(
                *("run", "--detach", "--name", made[-1], *network, *options),
                *(docker_host.image, "/bin/sh", "-c", script),
            )
        time.sleep(1)  # until the last has filled its memory
        docker_host.cli("pause", made[-1])
        yield made
    finally:
        for name in made:
            docker_host.remove(name)


def test_the_page_is_cadvisors_but_for_what_is_listed(
    program: Path, docker_host: DockerHost, names: list[str], tmp_path: Path
) -> None:
    with ExitStack() as stack:
        agent = stack.enter_context(
            agent_run(
                tmp_path,
                *("probes.enabled=false", "logs.enabled=false", "history.enabled=false"),
                *("metrics.labels='cadvisor'", f"metrics.container_labels={list(LABELS)}"),
                f"paths.docker=['{docker_host.root}']",
            )
        )
        address = _started(program, docker_host, tmp_path, stack)

        def mine(key: Key) -> bool:
            labels = dict(key[1])
            if "id" not in labels:
                return key[0].startswith("machine_")
            return labels["id"] == "/" or labels.get("name", "") in names

        before = _page(agent.address, mine)
        began = time.time()
        theirs = _after(address, began, mine, names)
        after = _page(agent.address, mine)

    ours = after.values
    unlike = {
        name: (kind, after.types[name])
        for name, kind in theirs.types.items()
        if name in after.types and name in cadvisor.NAMES and kind != after.types[name]
    }
    # OpenMetrics lets no counter and no gauge have these names.
    untyped = {"container_memory_failcnt", "container_fs_inodes_total"}
    assert {name for name in unlike if name not in untyped} == set(), unlike
    missing = [key for key in theirs.values if key not in ours and not _listed(key, MISSING)]
    assert missing == []
    extra = [
        key
        for key in ours
        if key not in theirs.values and key[0] in theirs.types and not _listed(key, EXTRA)
    ]
    assert extra == []
    wrong = {
        key: (before.values.get(key), value, ours[key])
        for key, value in theirs.values.items()
        if key in ours and not _agrees(key, before.values.get(key, 0.0), value, ours[key])
    }
    assert wrong == {}
    compared = [key for key in theirs.values if key in ours]
    print(f"{len(compared)} of its {len(theirs.values)} series, of {len({k for k, _ in compared})}")
    assert len(compared) > 150


def _agrees(key: Key, before: float, theirs: float, after: float) -> bool:
    name, labels = key[0], dict(key[1])
    root = labels.get("id") == "/"
    if name in ("container_start_time_seconds", "container_creation_time_seconds"):
        return abs(theirs - after) < 2
    if name.startswith(("container_pressure_", "container_memory_failures", "container_fs_inodes")):
        # 0 on v1; v1's / without what is below it; the inodes in use.
        return True
    if name == "container_spec_memory_swap_limit_bytes":
        # v1's number is of memory and swap, and Docker allows as much of one as of the other.
        return theirs in (after, 2 * after)
    if name.startswith(("container_spec_", "machine_", "container_health_state")):
        return theirs == after
    if CPU.fullmatch(name) or "_cfs_" in name or name.endswith("_total"):
        return before - TICK <= theirs <= after + TICK or root
    if labels.get("name", "").endswith("paused") and name != "container_last_seen":
        return name.startswith("container_fs_") or theirs == after
    return True  # a gauge that moves on


def _listed(key: Key, differences: tuple[tuple[str, str, str], ...]) -> bool:
    name, text = key[0], ",".join(f'{label}="{value}"' for label, value in key[1])
    if name in cadvisor.WITHOUT_NAMES or any(
        name in cadvisor.GROUPS[group] for group in cadvisor.WITHOUT
    ):
        return True
    return any(re.fullmatch(pattern, name) and part in text for pattern, part, _ in differences)


def _started(program: Path, docker_host: DockerHost, directory: Path, stack: ExitStack) -> str:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        host, port = probe.getsockname()
    own = [f"--listen_ip={host}", f"--port={port}"]
    if "AGENT_CADVISOR" not in os.environ:
        own = [f"-listen={host}:{port}"]
    docker = f"--docker=unix://{docker_host.socket}"
    argv = [str(program), *own, docker, "--housekeeping_interval=1s"]
    daemon = Daemon([*argv, "--allow_dynamic_housekeeping=false"], directory / "cadvisor.log")
    stack.callback(daemon.stop)
    daemon.await_answer(lambda: _answers(f"{host}:{port}"), 60)
    return f"{host}:{port}"


def _after(address: str, began: float, mine: Callable[[Key], bool], names: list[str]) -> Seen:
    """Their page once everything on it was read after `began`."""
    pages: list[Seen] = []

    def fresh() -> bool:
        pages.append(_page(address, mine))
        times = [
            taken or 0.0
            for (name, labels), taken in pages[-1].taken.items()
            if name == "container_memory_usage_bytes" and dict(labels).get("name")
        ]
        return len(times) == len(names) and min(times) > began

    wait_until(fresh, 60, "cAdvisor's look at every container")
    return pages[-1]


def _page(address: str, mine: Callable[[Key], bool]) -> Seen:
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=60) as response:
        text = response.read().decode()
    values: dict[Key, float] = {}
    taken: dict[Key, float | None] = {}
    types: dict[str, str] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            name = sample.name
            if name not in cadvisor.NAMES:
                # The parser's name of a counter that is called without it.
                name = name.removesuffix("_total")
            labels = tuple(sorted((k, v) for k, v in sample.labels.items() if v))
            types[name] = family.type
            if mine((name, labels)):
                values[name, labels] = sample.value
                taken[name, labels] = None if sample.timestamp is None else float(sample.timestamp)
    return Seen(values, taken, types)


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=60):
            return True
    except OSError:
        return False
