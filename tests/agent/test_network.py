"""agent.network: one owner for each network namespace, found without rights."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent.cgroupfs.reading import Cgroup
from agent.container.container import Container, Kind
from agent.network import Candidate, Networks

TABLE = (
    "Inter-|   Receive                                                |  Transmit\n"
    " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop"
    " fifo colls carrier compressed\n"
    "  eth0: {bytes} 2 0 0 0 0 0 0 7 8 0 0 0 0 0 0\n"
)


class Proc:
    """A /proc whose net/dev files are hard links: one inode a namespace, as the kernel's."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.namespace("host", 1)
        self.process(1, "host")

    def namespace(self, name: str, received: int) -> None:
        (self.path / name).write_text(TABLE.format(bytes=received))

    def process(self, pid: int, namespace: str) -> None:
        directory = self.path / str(pid) / "net"
        directory.mkdir(parents=True)
        os.link(self.path / namespace, directory / "dev")

    def end(self, pid: int) -> None:
        (self.path / str(pid) / "net" / "dev").unlink()


@pytest.fixture
def proc(tmp_path: Path) -> Proc:
    return Proc(tmp_path)


def candidate(
    inode: int,
    *pids: int,
    kind: Kind = Kind.CONTAINER,
    started: float | None = None,
    pid: int | None = None,
) -> Candidate:
    container = Container(runtime="docker", id=f"c{inode}", kind=kind, started=started, pid=pid)
    return Candidate(Cgroup(inode, f"/docker/c{inode}", 50.0), container, lambda: pids)


def received(networks: Networks, *candidates: Candidate) -> dict[int, int]:
    reading = networks.read(candidates)
    assert reading.failures == ()
    return {inode: table[0].receive_bytes for inode, table in reading.interfaces.items()}


def test_each_namespace_is_read_through_one_container(proc: Proc) -> None:
    proc.namespace("a", 10)
    proc.namespace("b", 20)
    proc.process(100, "a")
    proc.process(200, "b")
    networks = Networks(str(proc.path))
    assert received(networks, candidate(1, 100), candidate(2, 200)) == {1: 10, 2: 20}


def test_the_sandbox_answers_for_its_pod(proc: Proc) -> None:
    proc.namespace("pod", 10)
    for pid in (100, 101, 102):
        proc.process(pid, "pod")
    assert received(
        Networks(str(proc.path)),
        candidate(1, 100, started=1.0),
        candidate(2, 101, kind=Kind.SANDBOX, started=3.0),
        candidate(3, 102, started=2.0),
    ) == {2: 10}


def test_without_a_sandbox_the_first_started_answers(proc: Proc) -> None:
    proc.namespace("shared", 10)
    proc.process(100, "shared")
    proc.process(101, "shared")
    first, second = candidate(1, 100, started=9.0), candidate(2, 101, started=2.0)
    assert received(Networks(str(proc.path)), first, second) == {2: 10}


def test_a_container_on_the_hosts_network_answers_for_nothing(proc: Proc) -> None:
    proc.process(100, "host")
    assert received(Networks(str(proc.path)), candidate(1, 100)) == {}


def test_another_process_is_found_when_the_first_one_ended(proc: Proc) -> None:
    proc.namespace("a", 10)
    proc.process(100, "a")
    proc.process(101, "a")
    networks = Networks(str(proc.path))
    assert received(networks, candidate(1, 100, 101)) == {1: 10}
    proc.end(100)
    assert received(networks, candidate(1, 100, 101)) == {1: 10}


def test_the_containers_init_stands_in_for_an_empty_cgroup(proc: Proc) -> None:
    proc.namespace("a", 10)
    proc.process(100, "a")
    assert received(Networks(str(proc.path)), candidate(1, pid=100)) == {1: 10}


def test_a_container_without_a_process_has_no_network(proc: Proc) -> None:
    assert received(Networks(str(proc.path)), candidate(1, 99), candidate(2)) == {}


def test_a_process_number_used_again_elsewhere_is_not_believed(proc: Proc) -> None:
    proc.namespace("a", 10)
    proc.namespace("b", 20)
    proc.process(100, "a")
    networks = Networks(str(proc.path))
    assert received(networks, candidate(1, 100)) == {1: 10}
    proc.end(100)
    os.link(proc.path / "b", proc.path / "100" / "net" / "dev")
    # 100 is somebody else's process now; the cgroup holds 101, in the old namespace.
    proc.process(101, "a")
    assert received(networks, candidate(1, 101)) == {1: 10}


def test_tcp_is_asked_again_only_after_a_packet_moved(proc: Proc) -> None:
    proc.namespace("a", 10)
    proc.process(100, "a")
    snmp = proc.path / "100/net/snmp"
    networks = Networks(str(proc.path), ("netstat",))

    def retransmitted(count: int) -> int | None:
        snmp.write_text(f"Tcp: RetransSegs\nTcp: {count}\n")
        reading = networks.read([candidate(1, 100)])
        assert reading.failures == ()
        tcp = reading.stacks[1].tcp
        assert tcp is not None
        return tcp.retrans_segs

    assert retransmitted(1) == 1
    assert retransmitted(2) == 1
    # Written over, not made anew: the file's inode is the namespace.
    proc.namespace("a", 11)
    assert retransmitted(3) == 3
    assert received(networks, candidate(1, 100)) == {1: 11}


def test_a_new_owner_of_a_namespace_has_its_own_first_look(proc: Proc) -> None:
    proc.namespace("pod", 10)
    for pid in (100, 101):
        proc.process(pid, "pod")
        (proc.path / str(pid) / "net/snmp").write_text(f"Tcp: RetransSegs\nTcp: {pid}\n")
    networks = Networks(str(proc.path), ("netstat",))
    container, sandbox = candidate(1, 100), candidate(2, 101, kind=Kind.SANDBOX)
    assert list(networks.read([container]).stacks) == [1]
    reading = networks.read([container, sandbox])
    assert list(reading.stacks) == list(reading.interfaces) == [2]
    tcp = reading.stacks[2].tcp
    assert tcp is not None
    assert tcp.retrans_segs == 101


def test_a_table_that_cannot_be_read_is_a_failure_and_not_zero(proc: Proc) -> None:
    proc.namespace("a", 10)
    (proc.path / "a").write_text("head\nhead\nnonsense\n")
    proc.process(100, "a")
    reading = Networks(str(proc.path)).read([candidate(1, 100)])
    assert reading.interfaces == {}
    assert "nonsense" in reading.failures[0]


def test_a_namespace_that_may_not_be_looked_at_is_denied(
    proc: Proc, monkeypatch: pytest.MonkeyPatch
) -> None:
    proc.namespace("a", 10)
    proc.process(100, "a")
    real = os.stat

    def stat(path: str) -> os.stat_result:
        if "/100/" in str(path):
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    monkeypatch.setattr("agent.network.os.stat", stat)
    reading = Networks(str(proc.path)).read([candidate(1, 100)])
    assert reading.denied == {1}
    assert reading.interfaces == {}


def test_the_namespaces_tcp_is_told_by_its_owner_alone(proc: Proc) -> None:
    proc.namespace("pod", 10)
    for pid in (100, 101):
        proc.process(pid, "pod")
        (proc.path / str(pid) / "net/snmp").write_text("Tcp: RetransSegs\nTcp: 65\n")
    proc.process(102, "host")
    (proc.path / "102" / "net/snmp").write_text("Tcp: RetransSegs\nTcp: 9999\n")
    reading = Networks(str(proc.path), ("netstat",)).read(
        [candidate(1, 100), candidate(2, 101, kind=Kind.SANDBOX), candidate(3, 102)]
    )
    assert reading.failures == ()
    assert list(reading.stacks) == [2]
    tcp = reading.stacks[2].tcp
    assert tcp is not None
    assert tcp.retrans_segs == 65
