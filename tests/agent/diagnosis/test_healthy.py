"""Twenty lives of a healthy container, each near to what a rule looks for: nothing may be found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from agent.cgroupfs.cpu import CpuMax
from agent.cgroupfs.io import IoStat
from agent.cgroupfs.memory import MemoryEvents, MemoryStat
from agent.cgroupfs.reading import CgroupReading
from agent.container.container import Requests
from agent.filesystem.usage import FilesystemUsage, Layer, Space
from agent.kernelfile import UNLIMITED
from agent.lifecycle.events import Health
from agent.lifecycle.totals import Lifetimes
from agent.model import Snapshot
from agent.netstack import NetworkStack
from agent.processes import ProcessCounts
from agent.procfs.snmp import TcpCounters, TcpExt
from tests.agent.diagnosis.scenes import CORES, look, rules
from tests.agent.snapshots import MIB, docker, interface, lifetimes, reading

SECOND = 1_000_000
TICKS = range(11)

Life = Callable[[int], CgroupReading]


def cpu(cores: float, *, waited: float = 0.0, throttled: float = 0.0, limit: float = 0) -> Life:
    """Cores used; shares of the time waited and of the periods throttled; limit in cores."""
    return lambda tick: reading(
        usage_usec=round(tick * cores * SECOND),
        periods=tick * 10 if limit else 0,
        throttled=round(tick * 10 * throttled),
        throttled_usec=round(tick * throttled * SECOND * 0.1),
        cpu_max=CpuMax(round(limit * 100_000), 100_000) if limit else None,
        stalls=(round(tick * waited * SECOND), 0, 0),
    )


def memory(
    used: int, *, cache: int = 0, limit: int = 0, grows: int = 0, stalled: float = 0.0
) -> Life:
    """MiB, of which `cache` is inactive; MiB a second more; share of the time stalled."""

    def life(tick: int) -> CgroupReading:
        total = used + tick * grows
        return replace(
            reading(
                memory=total * MIB,
                memory_max=limit * MIB if limit else UNLIMITED,
                stalls=(0, round(tick * stalled * SECOND), 0),
            ),
            memory_stat=MemoryStat(
                anon=(total - cache) * MIB, file=cache * MIB, inactive_file=cache * MIB
            ),
        )

    return life


def one(life: Life, *, busy: float = 0.3) -> list[Snapshot]:
    return look({"a": [life(tick) for tick in TICKS]}, busy=busy)


def io(stalled: float) -> Life:
    return lambda tick: reading(
        disk=(IoStat(8, 0, tick * MIB // 2, tick * MIB // 3, tick * 100, tick * 100),),
        stalls=(0, 0, round(tick * stalled * SECOND)),
    )


def restarted(times: int, code: int) -> list[Snapshot]:
    snapshots = one(cpu(0.1))
    first, then = (lifetimes(restarts=count, code=code, ran=900.0) for count in (0, times))
    return [replace(s, lifetimes=first if s is snapshots[0] else then) for s in snapshots]


def network(*, drops: int, retransmitted: int) -> list[Snapshot]:
    snapshots = one(cpu(0.1))
    first, last = snapshots[0].samples[0], snapshots[-1].samples[0]
    stack = NetworkStack(tcp=TcpCounters(out_segs=0, retrans_segs=0), tcp_ext=TcpExt(0))
    after = NetworkStack(
        tcp=TcpCounters(out_segs=10_000, retrans_segs=retransmitted), tcp_ext=TcpExt(0)
    )
    eth0 = interface()
    busy = eth0._replace(receive_packets=100_000, receive_drops=drops)
    return [
        replace(snapshots[0], samples=(replace(first, network=(eth0,), network_stack=stack),)),
        replace(snapshots[-1], samples=(replace(last, network=(busy,), network_stack=after),)),
    ]


def files(**fields: object) -> list[Snapshot]:
    snapshots = one(cpu(0.1))
    return [
        replace(s, samples=tuple(replace(x, **fields) for x in s.samples))  # type: ignore[arg-type]
        for s in snapshots
    ]


def disk(free: int) -> FilesystemUsage:
    space = Space(
        capacity=1000 * MIB, free=free * MIB, available=free * MIB, inodes=1000, inodes_free=100
    )
    return FilesystemUsage(layer=Layer("/dev/sda1", space, None, 0), volumes=())


def healthy_check() -> list[Snapshot]:
    snapshots = one(cpu(0.1))
    inode = snapshots[0].samples[0].cgroup.inode
    return [replace(s, lifetimes=Lifetimes(health={inode: Health.HEALTHY})) for s in snapshots]


def old_kills() -> list[Snapshot]:
    return look(
        {
            "a": [
                replace(cpu(0.1)(t), memory_events=MemoryEvents(oom_kill=7, max=900)) for t in TICKS
            ]
        }
    )


LIVES: dict[str, list[Snapshot]] = {
    "idle": one(cpu(0.0)),
    "uses all of its CPU limit and is hardly throttled": one(cpu(1.98, throttled=0.03, limit=2)),
    "its threads wait for each other on a host with idle CPUs": one(cpu(1.0, waited=0.5)),
    "uses the whole host and nobody waits": one(cpu(3.9), busy=0.98),
    "a busy host, and it hardly waits": one(cpu(0.5, waited=0.1), busy=0.98),
    "over its request on a host with room": look(
        {"a": [cpu(2.0)(t) for t in TICKS]},
        busy=0.6,
        containers={"a": replace(docker("a"), requests=Requests(cpu=0.1))},
    ),
    "at its memory limit, most of it cache": one(memory(990, cache=800, limit=1000)),
    "at 85% of its memory limit, steadily": one(memory(850, limit=1000)),
    "warms up far below its memory limit": one(memory(100, limit=100_000, grows=20)),
    "grows without a limit": one(memory(100, grows=20)),
    "waits for memory a little": one(memory(500, limit=1000, stalled=0.05)),
    "was OOM-killed yesterday": old_kills(),
    "reads and writes a little and hardly waits": one(io(0.1)),
    "at 80% of its pids limit": one(lambda _: reading(pids=80, pids_max=100)),
    "restarted once, by a deployment": restarted(1, 143),
    "a job that ended well": restarted(0, 0),
    "a few packets dropped of very many": network(drops=50, retransmitted=0),
    "a few segments sent again": network(drops=0, retransmitted=100),
    "many files open, far below the limit": files(
        processes=ProcessCounts(processes=1, file_descriptors=800, max_open_files=1024)
    ),
    "its filesystem is 90% full": files(filesystem=disk(100)),
    "its health check passes": healthy_check(),
}


def test_there_are_twenty_and_the_host_is_the_same() -> None:
    assert len(LIVES) >= 20
    assert {snapshot.host.cores for life in LIVES.values() for snapshot in life} == {CORES}


@pytest.mark.parametrize("life", LIVES)
def test_nothing_is_found(life: str) -> None:
    assert rules(LIVES[life]) == {}
