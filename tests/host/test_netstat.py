"""TCP of two real containers with a wire between them: overflows, retransmissions, states."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.host.agent import Page, page_once
from tests.host.daemon import wait_until
from tests.host.docker import DockerHost
from tests.host.handle import ContainerHandle
from tests.host.veth import ADDRESSES, connect, inside, need_ip

pytestmark = pytest.mark.host

PORT = 4000
# A listener that never accepts, with room for two: more connections overflow its queue, and their
# SYNs and ACKs are sent again.
SERVER = f"""
import socket, sys
s = socket.create_server(("0.0.0.0", {PORT}), backlog=1)
print("listens", flush=True)
sys.stdin.read()
"""
CLIENT = f"""
import socket, sys
made = []
for _ in range(6):
    s = socket.socket()
    s.setblocking(False)
    s.connect_ex(("{ADDRESSES[1]}", {PORT}))
    made.append(s)
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for _ in range(3):
    u.sendto(b"nobody", ("{ADDRESSES[1]}", 9))
print("connects", flush=True)
sys.stdin.read()
"""


class Pair(NamedTuple):
    client: ContainerHandle
    server: ContainerHandle
    host: ContainerHandle
    """On the host's network."""


@pytest.fixture(scope="module")
def pair(docker_host: DockerHost) -> Iterator[Pair]:
    need_ip()
    with ExitStack() as started:
        handles = []
        for role, network in (("client", "none"), ("server", "none"), ("host", "host")):
            name = f"netstat-{role}-{os.getpid()}"
            handle = docker_host.run(name, ["sleep", "1000"], network=network)  # type: ignore[arg-type]
            started.callback(docker_host.remove, name)
            handles.append(handle)
        found = Pair(*handles)
        connect(found.client.pid, found.server.pid)
        for handle, script in ((found.server, SERVER), (found.client, CLIENT)):
            process = started.enter_context(
                subprocess.Popen(
                    [*inside(handle.pid), sys.executable, "-c", script],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                )
            )
            started.callback(process.kill)
            assert process.stdout is not None
            assert process.stdout.readline()
        wait_until(
            lambda: (
                counter(found.server, "netstat", "TcpExt", "ListenOverflows") > 0
                and counter(found.client, "netstat", "TcpExt", "TCPSynRetrans") > 0
                and counter(found.server, "snmp", "Udp", "NoPorts") == 3
            ),
            20,
            "the queue overflows and a SYN is sent again",
        )
        yield found


@pytest.fixture(scope="module")
def bounds(pair: Pair) -> tuple[dict[str, int], Page, dict[str, int]]:
    """The kernel's own numbers before and after the page was made: they rise all the time."""
    before = numbers(pair)
    page = page_once("probes.enabled=false", "metrics.groups_enabled=['tcp', 'udp', 'advtcp']")
    return before, page, numbers(pair)


def counter(handle: ContainerHandle, file: str, protocol: str, name: str) -> int:
    names, values = (
        line.split()
        for line in Path(f"/proc/{handle.pid}/net/{file}").read_text().splitlines()
        if line.startswith(f"{protocol}: ")
    )
    return int(values[names.index(name)])


def numbers(pair: Pair) -> dict[str, int]:
    return {
        "overflows": counter(pair.server, "netstat", "TcpExt", "ListenOverflows"),
        "drops": counter(pair.server, "netstat", "TcpExt", "ListenDrops"),
        "retransmitted": counter(pair.client, "snmp", "Tcp", "RetransSegs"),
        "syns": counter(pair.client, "netstat", "TcpExt", "TCPSynRetrans"),
        "opens": counter(pair.client, "snmp", "Tcp", "ActiveOpens"),
        "no_port": counter(pair.server, "snmp", "Udp", "NoPorts"),
    }


@pytest.mark.parametrize(
    ("what", "role", "metric"),
    [
        ("overflows", "server", "tcp_listen_overflows_total"),
        ("drops", "server", "tcp_listen_drops_total"),
        ("retransmitted", "client", "tcp_retransmitted_segments_total"),
        ("syns", "client", "tcp_retransmitted_syns_total"),
        ("opens", "client", "tcp_active_opens_total"),
        ("no_port", "server", "udp_no_port_datagrams_total"),
    ],
)
def test_a_counter_lies_between_two_looks_at_the_namespaces_file(
    what: str,
    role: str,
    metric: str,
    pair: Pair,
    bounds: tuple[dict[str, int], Page, dict[str, int]],
) -> None:
    before, page, after = bounds
    value = page.value(f"container_network_{metric}", name=getattr(pair, role).name)
    assert 0 < before[what] <= value <= after[what]


def test_states_are_those_ss_shows(
    pair: Pair, bounds: tuple[dict[str, int], Page, dict[str, int]]
) -> None:
    page = bounds[1]
    name = pair.server.name
    shown = subprocess.run(
        [*inside(pair.server.pid), "ss", "-Htan"], capture_output=True, text=True, check=True
    ).stdout
    states = [line.split()[0] for line in shown.splitlines()]
    assert states.count("LISTEN") == 1
    tcp = "container_network_tcp_usage_total"
    assert page.value(tcp, name=name, tcp_state="listen") == 1
    established = page.value(tcp, name=name, tcp_state="established")
    assert established == states.count("ESTAB") == 2
    assert page.value("container_network_tcp_established_connections", name=name) == 2
    assert page.value("container_network_tcp6_usage_total", name=name, tcp_state="listen") == 0
    assert 0 <= page.value("container_network_tcp_usage_age_seconds", name=name) < 5
    assert page.value("container_network_udp_usage_total", name=name, udp_state="listen") == 0


def test_sockets_in_use_are_the_namespaces_own(
    pair: Pair, bounds: tuple[dict[str, int], Page, dict[str, int]]
) -> None:
    page = bounds[1]
    # One listens; the two connections nobody accepted are no process' sockets yet, but in use. The
    # machine's other connections are not among them.
    assert page.value("container_network_tcp_sockets", name=pair.server.name, ip_version="4") == 3
    text = Path(f"/proc/{pair.client.pid}/net/sockstat").read_text()
    used = int(text.partition("sockets: used ")[2].split()[0])
    assert page.value("container_network_sockets", name=pair.client.name) == used
    assert 7 <= used < 20  # six of TCP, one of UDP, and what the kernel has in each namespace


def test_every_advanced_counter_is_there_under_cadvisors_name(
    pair: Pair, bounds: tuple[dict[str, int], Page, dict[str, int]]
) -> None:
    before, page, after = bounds
    value = page.value(
        "container_network_advance_tcp_stats_total",
        name=pair.server.name,
        tcp_state="listenoverflows",
    )
    assert before["overflows"] <= value <= after["overflows"]


def test_a_container_on_the_hosts_network_has_none_of_the_hosts_numbers(
    pair: Pair, bounds: tuple[dict[str, int], Page, dict[str, int]]
) -> None:
    page = bounds[1]
    assert page.series("container_processes", name=pair.host.name)
    for metric in ("sockets", "tcp_sent_segments_total", "tcp_usage_total"):
        assert page.series(f"container_network_{metric}", name=pair.host.name) == []
