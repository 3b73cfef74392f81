"""agent.sampler: one tick over captured hosts, and what a refused file does to every output."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from agent.bpf.counts import ProbeCounts, ProbesReading
from agent.bpf.lifecycle_counts import LifecycleCounts
from agent.bpf.reading import Hierarchy
from agent.cgroupfs.hierarchies import NoCgroups
from agent.config import HostPaths
from agent.model import Sample, Snapshot
from agent.sampler import Sampler
from exporters.prometheus.encoder import Encoder
from tests.fixtures.host_trees import HYBRID, V2, container_path

NOTHING = LifecycleCounts(execs=0, exits={}, signals={}, oom_kills=0)


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """A /proc of the test's own, with what a captured host has there."""
    path = tmp_path / "proc"
    (path / "self").mkdir(parents=True)
    (path / "pressure").mkdir()
    (path / "1" / "net").mkdir(parents=True)
    for name in ("stat", "meminfo"):
        (path / name).write_text((HYBRID / "proc" / name).read_text())
    for name in ("cpu", "memory", "io"):
        (path / "pressure" / name).write_text("some avg10=0.00 avg60=0.00 avg300=0.00 total=7\n")
    (path / "1" / "net" / "dev").write_text("head\nhead\n  eth0: 5 1 0 0 0 0 0 0 6 2 0 0 0 0 0 0\n")
    return path


def sampler(
    proc: Path, host: Path, probes: FakeProbes | None = None, groups: tuple[str, ...] = ()
) -> Sampler:
    """A Sampler that finds the captured cgroup trees of `host` through mountinfo."""
    lines = []
    for number, directory in enumerate(sorted((host / "cgroup").iterdir())):
        unified = directory.name == "unified"
        fs_type = "cgroup2" if unified else "cgroup"
        options = "rw" if unified else f"rw,{directory.name}"
        lines.append(
            f"{number + 30} 25 0:{number + 30} / {directory} rw - {fs_type} none {options}"
        )
    (proc / "self" / "mountinfo").write_text("\n".join(lines) + "\n")
    paths = HostPaths(
        root=str(proc.parent / "nothing"), proc=str(proc), run=str(proc.parent / "run")
    )
    return Sampler(paths, probes, groups=groups)


class FakeProbes:
    """Probes with the counts they are given."""

    def __init__(self, counts: dict[int, LifecycleCounts]) -> None:
        self.counts = counts
        self.owners: dict[int, int] = {}

    def read(self, owners: Mapping[Hierarchy, Mapping[int, int]]) -> ProbesReading:
        self.owners = dict(owners["unified"])
        return ProbesReading(
            {
                owner: ProbeCounts([self.counts.get(owner, NOTHING)])
                for owner in self.owners.values()
            },
            ("tcp: it is broken",),
        )


def the_container(snapshot: Snapshot, host: Path) -> Sample:
    (found,) = (s for s in snapshot.samples if s.cgroup.path == container_path(host))
    return found


def page(snapshot: Snapshot) -> str:
    return b"".join(Encoder().encode(snapshot)).decode()


@pytest.mark.parametrize("host", [HYBRID, V2], ids=["hybrid", "v2"])
def test_a_tick_reads_every_cgroup_and_the_host_without_a_failure(proc: Path, host: Path) -> None:
    with sampler(proc, host) as reader:
        snapshot = reader.snapshot()
    assert [health for health in snapshot.health if health.failures] == []
    assert snapshot.samples[0].cgroup.path == "/"
    sample = the_container(snapshot, host)
    assert sample.container is not None
    reading = sample.reading
    assert reading.cpu_stat is not None
    assert reading.cpu_stat.usage_usec is not None
    assert reading.cpu_stat.usage_usec > 0
    assert reading.cpu_max is not None
    assert reading.cpu_max.cores == 0.2
    assert reading.memory_max == 16 << 20
    assert reading.pids_max == 12
    assert reading.memory_events is not None
    assert reading.memory_events.oom_kill == 1
    assert reading.cpu_pressure is not None
    assert reading.io_stat
    assert snapshot.host.meminfo is not None
    assert snapshot.host.cpu is not None
    assert snapshot.samples[0].network == snapshot.host.network


def test_a_path_in_the_configuration_leaves_other_mounts_out(proc: Path) -> None:
    sampler(proc, V2).close()
    with pytest.raises(NoCgroups):
        Sampler(HostPaths(proc=str(proc), cgroup="/host/sys/fs/cgroup"))


def deny(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Make the kernel refuse to open files with these names."""
    real = os.open

    def refusing(path: str, flags: int, *arguments: int, dir_fd: int | None = None) -> int:
        if os.path.basename(path) in names:
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return real(path, flags, *arguments, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", refusing)


def test_a_refused_file_costs_its_own_series_and_is_counted(
    proc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deny(monkeypatch, "memory.current", "memory.stat", "io.stat", "cpu.pressure")
    with sampler(proc, V2) as reader:
        snapshot = reader.snapshot()
    sample = the_container(snapshot, V2)
    assert {"memory_current", "memory_stat", "io_stat", "cpu_pressure"} <= set(
        sample.reading.denied
    )
    assert sample.reading.memory_current is None
    (health,) = (h for h in snapshot.health if h.source == "cgroup")
    assert health.failures >= 4
    assert "permission denied" in health.message
    text = page(snapshot)
    for gone in (
        "container_memory_usage_bytes",
        "container_memory_working_set_bytes",
        "container_memory_rss",
        "container_fs_reads_bytes_total",
        "container_pressure_cpu_waiting_seconds_total",
    ):
        assert gone not in text
    assert "container_cpu_usage_seconds_total{" in text
    assert "container_spec_memory_limit_bytes{" in text


def test_the_hosts_own_refused_files_are_absent_and_counted(
    proc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deny(monkeypatch, "meminfo", "memory")
    with sampler(proc, V2) as reader:
        snapshot = reader.snapshot()
    assert snapshot.host.meminfo is None
    assert snapshot.host.memory_pressure is None
    (health,) = (h for h in snapshot.health if h.source == "host")
    assert health.failures == 2
    assert "machine_memory_bytes" not in page(snapshot)


def test_what_the_probe_counted_stands_beside_what_the_files_say(proc: Path) -> None:
    counts = LifecycleCounts(execs=23, exits={3: 17}, signals={9: 1}, oom_kills=0)
    with sampler(proc, V2) as reader:
        inode = the_container(reader.snapshot(), V2).cgroup.inode
    probes = FakeProbes({inode: counts})
    with sampler(proc, V2, probes) as reader:
        snapshot = reader.snapshot()
    assert probes.owners.keys() == {sample.cgroup.inode for sample in snapshot.samples}
    assert the_container(snapshot, V2).probes.get(LifecycleCounts) == counts
    others = [s.probes.get(LifecycleCounts) for s in snapshot.samples if s.cgroup.inode != inode]
    assert all(other == NOTHING for other in others)
    text = page(snapshot)
    assert 'code="3"} 17\n' in text
    assert 'signal="9"} 1\n' in text
    (health,) = (h for h in snapshot.health if h.source == "probe")
    assert (health.failures, health.message) == (1, "tcp: it is broken")


def test_without_a_probe_there_are_no_counts_and_no_series(proc: Path) -> None:
    with sampler(proc, V2) as reader:
        snapshot = reader.snapshot()
    assert all(sample.probes.get(LifecycleCounts) is None for sample in snapshot.samples)
    assert "container_execs_total" not in page(snapshot)


@pytest.fixture
def running(proc: Path) -> Path:
    """The first process of the captured container, of whose two the other one ended meanwhile."""
    directory = proc / "16483"
    (directory / "fd").mkdir(parents=True)
    for number, link in enumerate(("/dev/null", "socket:[7]", "pipe:[8]")):
        (directory / "fd" / str(number)).symlink_to(link)
    (directory / "limits").write_text("Max open files            1024    4096    files\n")
    (directory / "net").mkdir()
    (directory / "net/dev").write_text("head\nhead\n  eth0: 5 1 0 0 0 0 0 0 6 2 0 0 0 0 0 0\n")
    (directory / "net/snmp").write_text("Tcp: RetransSegs\nTcp: 65\n")
    (directory / "net/netstat").write_text("TcpExt: ListenOverflows\nTcpExt: 4\n")
    (directory / "net/sockstat").write_text("sockets: used 9\n")
    return directory


def test_what_a_group_needs_is_read_when_it_is_on(proc: Path, running: Path) -> None:
    with sampler(proc, HYBRID, groups=("process", "netstat")) as reader:
        snapshot = reader.snapshot()
    assert [health for health in snapshot.health if health.failures] == []
    sample = the_container(snapshot, HYBRID)
    assert sample.processes is not None
    assert sample.processes[:4] == (2, 3, 1, 1024)
    stack = sample.network_stack
    assert stack is not None
    assert stack.tcp is not None
    assert stack.tcp.retrans_segs == 65
    assert stack.tcp_ext is not None
    assert stack.tcp_ext.listen_overflows == 4
    others = [s for s in snapshot.samples if s is not sample]
    assert all(s.processes is None and s.network_stack is None for s in others)


def test_with_no_group_on_nothing_more_is_read(proc: Path, running: Path) -> None:
    with sampler(proc, HYBRID) as reader:
        sample = the_container(reader.snapshot(), HYBRID)
    assert sample.network is not None
    assert sample.processes is None
    assert sample.network_stack is None
    assert sample.reading.procs is None


def test_what_may_not_be_looked_at_is_absent_and_counted(
    proc: Path, running: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deny(monkeypatch, "fd", "sockstat")
    with sampler(proc, HYBRID, groups=("process", "netstat")) as reader:
        snapshot = reader.snapshot()
    sample = the_container(snapshot, HYBRID)
    assert sample.processes is not None
    assert sample.processes[:4] == (2, None, None, 1024)
    failures = {health.source: health.failures for health in snapshot.health}
    assert failures["process"] == 1
    assert failures["network"] == 1
    text = page(snapshot)
    assert "container_processes{" in text
    assert "container_sockets{" not in text
    assert "container_network_sockets{" not in text
    assert "container_network_tcp_listen_overflows_total{" in text
