"""A real Prometheus scrapes the agent: it is up, it is clean, and rates come out true."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import orjson
import pytest

from agent.diagnosis.diagnose import RULES
from dashboards.listing import queries
from tests.host.agent import RunningAgent, agent_run, command
from tests.host.daemon import HostUnavailable, wait_until
from tests.host.docker import DockerHost
from tests.host.known_queries import GRAFANA_193, GRAFANA_315, GRAFANA_14282, filled
from tests.host.prometheus import Prometheus, need_prometheus, prometheus
from tests.host.veth import connect, need_ip

pytestmark = pytest.mark.host

LIMIT = 0.2
"""Cores of the throttled container."""


@pytest.fixture(scope="module")
def busy(docker_host: DockerHost) -> Iterator[str]:
    """A container that is throttled, reads and writes a disk, and has a network of its own."""
    name = "prom-throttled"
    work = (
        "while :; do dd if=/dev/zero of=/data/f bs=1M count=1 conv=fsync 2>/dev/null;"
        " sleep 1; done & while :; do :; done"
    )
    need_ip()
    peer = f"{name}-peer"
    try:
        handle = docker_host.run(
            name,
            ("/bin/sh", "-c", work),
            memory=64 << 20,
            cpus=LIMIT,
            options=("--volume", "/data", "--pids-limit", "100"),
        )
        connect(handle.pid, docker_host.run(peer, ("/bin/sleep", "600")).pid)
        yield name
    finally:
        docker_host.remove(name)
        docker_host.remove(peer)


@pytest.fixture(scope="module")
def scraped(
    busy: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[RunningAgent, Prometheus]]:
    try:
        need_prometheus()
    except HostUnavailable as reason:
        pytest.skip(str(reason))
    directory = tmp_path_factory.mktemp("prometheus")
    with (
        agent_run(directory) as agent,
        prometheus(directory, {"cadvisor": agent.address}) as server,
    ):
        # A minute of scrapes; the container warms up meanwhile.
        wait_until(lambda: server.query("count_over_time(up[70s]) > 60") != [], 90, "60 scrapes")
        yield agent, server


@pytest.mark.timeout(240)
def test_the_target_is_up_and_every_scrape_went_well(
    scraped: tuple[RunningAgent, Prometheus],
) -> None:
    _, server = scraped
    assert server.number("up") == 1
    assert server.number("min_over_time(up[60s])") == 1
    assert server.number("max_over_time(scrape_duration_seconds[60s])") < 1


@pytest.mark.timeout(240)
def test_the_rate_of_a_throttled_container_is_its_limit(
    busy: str, scraped: tuple[RunningAgent, Prometheus]
) -> None:
    _, server = scraped
    window = f'{{name="{busy}"}}[30s]'
    rate = server.number(f"rate(container_cpu_usage_seconds_total{window})")
    assert rate == pytest.approx(LIMIT, rel=0.05)
    throttled = server.number(
        f"rate(container_cpu_cfs_throttled_periods_total{window})"
        f" / rate(container_cpu_cfs_periods_total{window})"
    )
    assert 0.3 < throttled <= 1


@pytest.mark.timeout(240)
def test_promtool_has_nothing_to_say_about_the_whole_page(
    scraped: tuple[RunningAgent, Prometheus],
) -> None:
    agent, _ = scraped
    checked = subprocess.run(
        ["promtool", "check", "metrics"],
        input=agent.page().text.encode(),
        capture_output=True,
        timeout=60,
    )
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, b"")


@pytest.mark.timeout(240)
def test_every_query_of_the_dashboard_returns_data(
    busy: str, scraped: tuple[RunningAgent, Prometheus]
) -> None:
    _, server = scraped
    variables = {
        "instance": ".*",
        "namespace": "",
        "pod": "",
        "container": "",
        "name": busy,
        "__rate_interval": "30s",
        "__range": "60s",
    }
    found = {
        title: len(server.query(expression))
        for title, expression in queries("container", variables)
    }
    assert found, "the dashboard has no queries"
    assert [title for title, series in found.items() if series == 0] == []


@pytest.mark.timeout(240)
def test_every_query_of_grafana_14282_returns_one_series_of_the_container(
    busy: str, scraped: tuple[RunningAgent, Prometheus]
) -> None:
    _, server = scraped
    of = {"host": ".+", "container": busy}
    found = {
        title: [
            row["metric"].get("name")
            for row in server.query(filled(expression, of))
            if row["metric"].get("name") == busy
        ]
        for title, expression in GRAFANA_14282.items()
    }
    assert found == {title: [busy] for title in GRAFANA_14282}


@pytest.mark.timeout(240)
def test_every_query_of_grafana_193_and_315_returns_data(
    busy: str, scraped: tuple[RunningAgent, Prometheus]
) -> None:
    _, server = scraped
    found = {
        title: server.query(filled(expression, {"container": busy}))
        for title, expression in {**GRAFANA_193, **GRAFANA_315}.items()
    }
    assert [title for title, series in found.items() if not series] == []
    # A share is one, and no series is told twice.
    for title in ("Cluster memory usage", "Cluster CPU usage", "Cluster filesystem usage"):
        ((_, share),) = (row["value"] for row in found[title])
        assert 0 < float(share) <= 100, title
    assert sum(row["metric"].get("name") == busy for row in found["Containers CPU usage"]) == 1


@pytest.mark.timeout(240)
def test_user_and_system_time_add_up_to_all(
    busy: str, scraped: tuple[RunningAgent, Prometheus]
) -> None:
    _, server = scraped
    of = f'{{name="{busy}"}}'
    parts = f"container_cpu_user_seconds_total{of} + container_cpu_system_seconds_total{of}"
    share = f"({parts}) / ignoring (cpu) container_cpu_usage_seconds_total{of}"
    # In ticks of 10 ms on cgroup v1.
    assert server.number(share) == pytest.approx(1, abs=0.01)


def test_why_is_answered_from_prometheus_as_well(
    scraped: tuple[RunningAgent, Prometheus], busy: str
) -> None:
    _, server = scraped
    scrapes = f'count_over_time(container_threads{{name="{busy}"}}[1m])'
    wait_until(lambda: bool(server.query(f"{scrapes} > 10")), 60, "ten scrapes")
    done = subprocess.run(
        command(
            "why",
            *("--prometheus", f"http://{server.address}"),
            *("--seconds", "8", "-o", "json", busy),
        ),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    (host,) = orjson.loads(done.stdout)["hosts"]
    (container,) = host["diagnosis"]["containers"]
    assert container["name"] == busy
    # How hard it is throttled is this machine's; that its series answer the rules is not.
    rules = {lack["rule"] for lack in container["not_possible"]}
    assert rules <= {"disk_full", "log_flood"}
    assert container["passed"] + len(container["findings"]) + len(rules) == len(RULES)
