"""The network probes of a running agent: what its page says of real containers."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent.bpf.dns import DNS
from agent.bpf.facts import gather
from agent.bpf.support import decide
from agent.bpf.tcp import TCP
from agent.bpf.traffic import BYTES
from tests.agent.bpf.talker import Talker
from tests.host.agent import Page, agent_run
from tests.host.daemon import wait_until
from tests.host.docker import DockerHost

pytestmark = pytest.mark.host

# 13 connections to itself over the loopback, 7 of them aborted, and 3 refused; 5 datagrams.
WORK = """
import struct
listener = socket.create_server(("127.0.0.1", 0), backlog=64)
where = listener.getsockname()
for number in range(13):
    made = socket.create_connection(where)
    accepted = listener.accept()[0]
    if number < 7:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    made.close()
    accepted.close()
listener.close()
for _ in range(3):
    try:
        socket.create_connection(where)
    except ConnectionRefusedError:
        pass
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as speaker:
    speaker.bind(("127.0.0.1", 0))
    for _ in range(5):
        speaker.sendto(bytes(100), speaker.getsockname())
"""


@pytest.fixture
def may_load() -> None:
    for kind in (TCP, BYTES, DNS):
        needed = kind.programs
        for decision in decide(gather(needed.tracepoints), needed):
            if decision.loader == "libbpf" and not decision.allowed:
                pytest.skip(f"{needed.name}: {decision.reason}")


@pytest.mark.usefixtures("may_load")
def test_the_page_tells_connections_and_traffic_by_container(
    docker_host: DockerHost, tmp_path: Path
) -> None:
    settings = (
        *("logs.enabled=false", "probes.on=['bytes', 'dns']", "probes.loader='libbpf'"),
        f"paths.docker=['{docker_host.root}']",
    )
    talkers = [
        Talker(docker_host, f"net-{role}-{os.getpid()}", "host", tmp_path / role)
        for role in ("busy", "idle")
    ]
    try:
        with agent_run(tmp_path, *settings) as agent:
            pages: list[Page] = []

            def has(name: str, metric: str, number: float) -> bool:
                pages.append(agent.page())
                return [value for _, value in pages[-1].series(metric, name=name)] == [number]

            busy, idle = (talker.name for talker in talkers)
            wait_until(lambda: has(idle, "container_tcp_connects_total", 0), 30, "both on the page")
            talkers[0].do(WORK)
            wait_until(lambda: has(busy, "container_tcp_connects_total", 13), 30, "13 connections")
            page = pages[-1]
    finally:
        for talker in talkers:
            talker.end()
    assert page.value("container_tcp_accepts_total", name=busy) == 13
    assert page.value("container_tcp_connect_failures_total", name=busy, reason="refused") == 3
    assert page.value("container_tcp_resets_total", name=busy, direction="sent") == 7
    assert page.value("container_tcp_resets_total", name=busy, direction="received") == 7 + 3
    assert page.value("container_tcp_connect_latency_seconds_count", name=busy) == 13
    assert page.value("container_network_bpf_transmit_bytes_total", name=busy) >= 5 * 128
    assert page.value("container_dns_queries_total", name=busy) == 0
    for metric in ("container_tcp_connects_total", "container_network_bpf_receive_packets_total"):
        assert page.value(metric, name=idle) == 0
    assert page.series("container_tcp_connect_latency_seconds_count", name=idle) == []
    # Each map, and what came while the program itself was running; nearly always 0.
    told = {labels["map"] for labels, _ in page.series("agent_bpf_dropped_total", probe="tcp")}
    assert told == {"tcp", "starting", ""}
