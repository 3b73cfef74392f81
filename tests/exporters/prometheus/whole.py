"""A Snapshot in which every field that the catalogue's core groups read has a number."""

from __future__ import annotations

import dataclasses
import random

from agent.cgroupfs.cpu import CpuMax, CpuStat
from agent.cgroupfs.io import IoStat
from agent.cgroupfs.memory import MemoryEvents, MemoryStat
from agent.cgroupfs.reading import CgroupReading
from agent.container.container import Container, Kind
from agent.machine import Machine
from agent.model import Sample, Snapshot
from tests.agent.snapshots import MIB, docker, host, interface, pod, pressure, reading, sample
from tests.agent.snapshots import snapshot as plain

READING = dataclasses.replace(
    reading(memory_max=64 * MIB),
    cpu_stat=CpuStat(*range(1_000_001, 1_000_001 + len(CpuStat._fields))),
    cpu_max=CpuMax(20_000, 100_000),
    cpu_weight=100,
    memory_peak=70 * MIB,
    memory_low=0,
    memory_swap_current=4096,
    memory_swap_max=0,
    memory_stat=MemoryStat(*range(11, 11 + len(MemoryStat._fields))),
    memory_events=MemoryEvents(*range(1, 1 + len(MemoryEvents._fields))),
    io_stat=(IoStat(254, 0, *range(1, 1 + len(IoStat._fields) - 2)),),
    cpu_pressure=pressure(5, 6),
    memory_pressure=pressure(7, 8),
    io_pressure=pressure(9, 10),
)


def long_reading(numbers: random.Random) -> CgroupReading:
    """The same fields with numbers as long as they are on a host that has run for days."""

    def some(count: int) -> list[int]:
        return [numbers.randrange(10 ** numbers.randrange(3, 11)) for _ in range(count)]

    return dataclasses.replace(
        READING,
        cpu_stat=CpuStat(*some(len(CpuStat._fields))),
        memory_current=numbers.randrange(2**34),
        memory_stat=MemoryStat(*some(len(MemoryStat._fields))),
        io_stat=(IoStat(254, 0, *some(6)),),
        cpu_pressure=pressure(*some(2)),
        memory_pressure=pressure(*some(2)),
        io_pressure=pressure(*some(2)),
    )


def container(**fields: object) -> Container:
    """A Docker container with these fields."""
    known: dict[str, object] = {"runtime": "docker", "id": "1" * 64, "name": "web", "image": "a:1"}
    return Container(**(known | fields))  # type: ignore[arg-type]


def snapshot(*samples: Sample) -> Snapshot:
    """A Docker container and a pod of two below their parents; or `samples` below the root."""
    group = Container(
        runtime="", id="", kind=Kind.POD, pod="search-0", namespace="shop", pod_uid="u-1"
    )
    sandbox = dataclasses.replace(pod("shop", "search-0", ""), kind=Kind.SANDBOX)
    network = (interface("eth0", 5, 6),)
    made = samples or (
        sample(READING, inode=2, path="/docker"),
        sample(READING, inode=3, path="/docker/a1", container=docker("web"), network=network),
        sample(READING, inode=4, path="/kubepods"),
        sample(READING, inode=5, path="/kubepods/podu-1", container=group),
        sample(READING, inode=6, path="/kubepods/podu-1/a", container=sandbox, network=network),
        sample(
            READING,
            inode=7,
            path="/kubepods/podu-1/b",
            container=pod("shop", "search-0", "search"),
        ),
        sample(READING, inode=8, path="/system.slice"),
        sample(READING, inode=9, path="/system.slice/ssh.service"),
    )
    machine = dataclasses.replace(
        host(), machine=Machine("m1", "s1", "b1", "6.1.0", "Debian GNU/Linux 12", 2, 8)
    )
    root = sample(READING, inode=1, path="/")
    return dataclasses.replace(
        plain(root, *made, machine=machine), device_names={(254, 0): "/dev/vda"}
    )
