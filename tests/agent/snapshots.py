"""Snapshots built by hand: one place where tests say what a host looked like."""

from __future__ import annotations

from agent.cgroupfs.cpu import CpuMax, CpuStat
from agent.cgroupfs.events import CgroupEvents
from agent.cgroupfs.io import IoStat
from agent.cgroupfs.memory import MemoryEvents, MemoryStat
from agent.cgroupfs.pressure import Pressure, Stall
from agent.cgroupfs.reading import Cgroup, CgroupReading
from agent.container.container import Container
from agent.kernelfile import UNLIMITED, Limit
from agent.lifecycle.events import Exit, Reason
from agent.lifecycle.totals import Identity, Lifetimes, Total
from agent.model import HostSample, Sample, Snapshot, SourceHealth
from agent.procfs.meminfo import Meminfo
from agent.procfs.net_dev import NetDev
from agent.procfs.stat import CpuTimes

MIB = 1024**2
IDLE = CpuTimes(0, 0, 0, 0, 0, 0, 0, 0)
WALL = 1_760_000_000.0
"""2025-10-09 08:53:20 UTC."""


def pressure(some: int = 0, full: int | None = 0) -> Pressure:
    """A pressure file whose totals, in microseconds, are these."""
    return Pressure(Stall(0.0, 0.0, 0.0, some), None if full is None else Stall(0, 0, 0, full))


def interface(name: str = "eth0", receive: int = 0, transmit: int = 0) -> NetDev:
    return NetDev(name, receive, 0, 0, 0, transmit, 0, 0, 0)


def reading(
    *,
    usage_usec: int = 0,
    periods: int = 0,
    throttled: int = 0,
    throttled_usec: int = 0,
    cpu_max: CpuMax | None = None,
    memory: int = 100 * MIB,
    inactive_file: int = 0,
    memory_max: Limit | None = UNLIMITED,
    oom_kill: int = 0,
    disk: tuple[IoStat, ...] = (),
    stalls: tuple[int, int, int] = (0, 0, 0),
    pids: int = 3,
    pids_max: Limit | None = UNLIMITED,
    populated: bool = True,
    frozen: bool = False,
) -> CgroupReading:
    """A complete cgroup v2 reading. `stalls` are the cpu, memory and io "some" totals."""
    return CgroupReading(
        cpu_stat=CpuStat(
            usage_usec=usage_usec,
            user_usec=usage_usec,
            system_usec=0,
            nr_periods=periods,
            nr_throttled=throttled,
            throttled_usec=throttled_usec,
        ),
        cpu_max=cpu_max or CpuMax(UNLIMITED, 100_000),
        memory_current=memory,
        memory_max=memory_max,
        memory_stat=MemoryStat(anon=memory - inactive_file, inactive_file=inactive_file),
        memory_events=MemoryEvents(oom_kill=oom_kill),
        io_stat=disk,
        pids_current=pids,
        pids_max=pids_max,
        cpu_pressure=pressure(stalls[0]),
        memory_pressure=pressure(stalls[1]),
        io_pressure=pressure(stalls[2]),
        cgroup_events=CgroupEvents(populated=populated, frozen=frozen),
    )


def sample(
    read: CgroupReading | None = None,
    *,
    inode: int = 100,
    path: str = "/docker/a1",
    container: Container | None = None,
    at: float = 0.0,
    network: tuple[NetDev, ...] | None = None,
    network_denied: bool = False,
) -> Sample:
    return Sample(
        cgroup=Cgroup(inode, path, WALL - 3600),
        container=container,
        reading=read if read is not None else reading(),
        read_at=at,
        network=network,
        network_denied=network_denied,
    )


def docker(name: str, *, image: str = "demo:1", started: float | None = WALL - 3600) -> Container:
    return Container(
        runtime="docker", id=name.encode().hex()[:64], name=name, image=image, started=started
    )


def pod(namespace: str, name: str, container: str) -> Container:
    return Container(
        runtime="containerd",
        id=f"{name}-{container}".encode().hex()[:64],
        name=f"{name}-{container}",
        container=container,
        pod=name,
        namespace=namespace,
        image="docker.io/shop/api:4.2",
        started=WALL - 3 * 3600 - 12 * 60,
    )


def host(
    *,
    cores: int = 16,
    cpu: CpuTimes | None = IDLE,
    stalls: tuple[int, int, int] = (0, 0, 0),
) -> HostSample:
    return HostSample(
        cores=cores,
        boot_time=WALL - 41 * 86400,
        cpu=cpu,
        meminfo=Meminfo(
            total=65_536 * MIB,
            free=1000 * MIB,
            available=15_000 * MIB,
            cached=9000 * MIB,
            swap_total=0,
            swap_free=0,
        ),
        network=(),
        cpu_pressure=pressure(stalls[0]),
        memory_pressure=pressure(stalls[1]),
        io_pressure=pressure(stalls[2]),
    )


def snapshot(
    *samples: Sample,
    at: float = 0.0,
    machine: HostSample | None = None,
    health: tuple[SourceHealth, ...] = (),
) -> Snapshot:
    return Snapshot(
        taken_at=at,
        wall_time=WALL + at,
        late=0.0,
        host=machine or host(),
        samples=samples,
        health=health,
        device_names={},
    )


def lifetimes(*, restarts: int, code: int, ran: float = 2.0) -> Lifetimes:
    """Of the container "a", which ended last with `code` after `ran` seconds."""
    end = Exit(code=code, signal=None, reason=Reason.ERROR, ran=ran, counters=None, final=True)
    return Lifetimes(totals=(Total(Identity("", "", "", "a"), restarts=restarts, last=end),))
