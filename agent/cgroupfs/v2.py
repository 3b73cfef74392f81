"""Which files of a cgroup v2 directory are read, and which field of `CgroupReading` each fills.

Docs    https://docs.kernel.org/admin-guide/cgroup-v2.html

A new file is one row here, one field in `V2Files` and one in `CgroupReading`. A file that one
group of metrics alone needs has that group's name in `detail` and is read when it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from agent.cgroupfs.cpu import (
    CpuMax,
    CpuStat,
    parse_cpu_max,
    parse_cpu_stat,
    parse_cpu_stat_local,
)
from agent.cgroupfs.cpuset import parse_list_count
from agent.cgroupfs.descendants import CgroupStat, parse_cgroup_stat
from agent.cgroupfs.dmem import Region, parse_dmem, parse_dmem_limits
from agent.cgroupfs.events import CgroupEvents, parse_cgroup_events
from agent.cgroupfs.io import IoStat, parse_io_stat
from agent.cgroupfs.memory import (
    MemoryEvents,
    MemoryStat,
    SwapEvents,
    parse_memory_events,
    parse_memory_stat,
    parse_swap_events,
)
from agent.cgroupfs.numa import NodeMemory, parse_numa_stat
from agent.cgroupfs.pids import parse_pids_events
from agent.cgroupfs.pressure import Pressure, parse_pressure
from agent.cgroupfs.procs import parse_procs
from agent.cgroupfs.rdma import Resource, parse_misc, parse_rdma
from agent.cgroupfs.reading import CgroupReading, HugePages
from agent.kernelfile import Limit, parse_count, parse_limit
from agent.records import NamedTuple

WALKED: Final = "*"
"""In place of a v1 controller: the hierarchy that is walked first, whichever it is."""


class Row(NamedTuple):
    """One file to read."""

    field: str
    """Field of `CgroupReading` that is not whole without this file."""
    v1_controller: str
    """v1: the controller whose hierarchy has the file. v2: the controller that has it on a v1 host,
    "" for what only v2 knows."""
    names: tuple[str, ...]
    """File names; the first that exists is read."""
    parse: Callable[[str], object]
    detail: str = ""
    """The group of metrics that needs it; "" for what is always read."""
    root_only: bool = False
    """Read in the root cgroup and in no other."""
    repeats: bool = False
    """An open file says again what it said: it is opened at each read."""


SETTINGS: Final = frozenset(
    {
        *("cpu_max", "cpu_weight", "cpu_shares", "pids_max", "cpuset_cpus", "cpuset_mems"),
        *("memory_min", "memory_low", "memory_high", "memory_max", "memory_swap_max"),
        *("memory_zswap_max", "memory_oom_group", "dmem_max", "rdma_max", "misc_max"),
        "pids_peak",
    }
)
"""Fields that change only when somebody sets them, and one that no figure on the page needs."""


class V2Files(NamedTuple):
    """What each file of `V2_ROWS` said, in that order. None: absent, denied or not understood."""

    cpu_stat: CpuStat | None = None
    cpu_max: CpuMax | None = None
    cpu_weight: int | None = None
    memory_current: int | None = None
    memory_peak: int | None = None
    memory_min: Limit | None = None
    memory_low: Limit | None = None
    memory_high: Limit | None = None
    memory_max: Limit | None = None
    memory_swap_current: int | None = None
    memory_swap_max: Limit | None = None
    memory_stat: MemoryStat | None = None
    memory_events: MemoryEvents | None = None
    io_stat: tuple[IoStat, ...] | None = None
    pids_current: int | None = None
    pids_peak: int | None = None
    pids_max: Limit | None = None
    pids_events_max: int | None = None
    cpu_pressure: Pressure | None = None
    memory_pressure: Pressure | None = None
    io_pressure: Pressure | None = None
    cgroup_events: CgroupEvents | None = None
    cpu_local_throttled_usec: int | None = None
    memory_events_local: MemoryEvents | None = None
    memory_swap_events: SwapEvents | None = None
    memory_zswap_max: Limit | None = None
    memory_oom_group: int | None = None
    memory_numa: tuple[NodeMemory, ...] | None = None
    irq_pressure: Pressure | None = None
    procs: tuple[int, ...] | None = None
    cpuset_cpus: int | None = None
    cpuset_mems: int | None = None
    dmem_current: tuple[Region, ...] | None = None
    dmem_peak: tuple[Region, ...] | None = None
    dmem_max: tuple[Region, ...] | None = None
    dmem_capacity: tuple[Region, ...] | None = None
    rdma_current: tuple[Resource, ...] | None = None
    rdma_max: tuple[Resource, ...] | None = None
    misc_current: tuple[Resource, ...] | None = None
    misc_max: tuple[Resource, ...] | None = None
    cgroup_stat: CgroupStat | None = None


V2_ROWS: Final = (
    Row("cpu_stat", "cpuacct", ("cpu.stat",), parse_cpu_stat),
    Row("cpu_max", "cpu", ("cpu.max",), parse_cpu_max),
    Row("cpu_weight", "cpu", ("cpu.weight",), parse_count),
    Row("memory_current", "memory", ("memory.current",), parse_count),
    Row("memory_peak", "memory", ("memory.peak",), parse_count),
    Row("memory_min", "memory", ("memory.min",), parse_limit),
    Row("memory_low", "memory", ("memory.low",), parse_limit),
    Row("memory_high", "memory", ("memory.high",), parse_limit),
    Row("memory_max", "memory", ("memory.max",), parse_limit),
    Row("memory_swap_current", "memory", ("memory.swap.current",), parse_count),
    Row("memory_swap_max", "memory", ("memory.swap.max",), parse_limit),
    Row("memory_stat", "memory", ("memory.stat",), parse_memory_stat),
    Row("memory_events", "memory", ("memory.events",), parse_memory_events),
    Row("io_stat", "blkio", ("io.stat",), parse_io_stat),
    Row("pids_current", "pids", ("pids.current",), parse_count),
    Row("pids_peak", "pids", ("pids.peak",), parse_count),
    Row("pids_max", "pids", ("pids.max",), parse_limit),
    Row("pids_events_max", "pids", ("pids.events",), parse_pids_events),
    Row("cpu_pressure", "", ("cpu.pressure",), parse_pressure),
    Row("memory_pressure", "", ("memory.pressure",), parse_pressure),
    Row("io_pressure", "", ("io.pressure",), parse_pressure),
    Row("cgroup_events", "", ("cgroup.events",), parse_cgroup_events),
    Row("cpu_local_throttled_usec", "cpu", ("cpu.stat.local",), parse_cpu_stat_local, "cpu"),
    Row(
        "memory_events_local",
        "memory",
        ("memory.events.local",),
        parse_memory_events,
        "memory_events",
    ),
    Row(
        "memory_swap_events", "memory", ("memory.swap.events",), parse_swap_events, "memory_events"
    ),
    Row("memory_zswap_max", "memory", ("memory.zswap.max",), parse_limit, "memory_detail"),
    Row("memory_oom_group", "memory", ("memory.oom.group",), parse_count, "memory_detail"),
    Row("memory_numa", "memory", ("memory.numa_stat",), parse_numa_stat, "memory_numa"),
    Row("irq_pressure", "", ("irq.pressure",), parse_pressure, "pressure"),
    Row("procs", WALKED, ("cgroup.procs",), parse_procs, "process"),
    Row("cpuset_cpus", "cpuset", ("cpuset.cpus.effective",), parse_list_count, "cpuset"),
    Row("cpuset_mems", "cpuset", ("cpuset.mems.effective",), parse_list_count, "cpuset"),
    Row("dmem_current", "", ("dmem.current",), parse_dmem, "dmem"),
    Row("dmem_peak", "", ("dmem.peak",), parse_dmem, "dmem"),
    Row("dmem_max", "", ("dmem.max",), parse_dmem_limits, "dmem"),
    Row("dmem_capacity", "", ("dmem.capacity",), parse_dmem, "dmem", root_only=True),
    Row("rdma_current", "", ("rdma.current",), parse_rdma, "rdma"),
    Row("rdma_max", "", ("rdma.max",), parse_rdma, "rdma"),
    Row("misc_current", "", ("misc.current",), parse_misc, "misc"),
    Row("misc_max", "", ("misc.max",), parse_misc, "misc"),
    Row("cgroup_stat", "", ("cgroup.stat",), parse_cgroup_stat, "cgroups", root_only=True),
)


def reading(
    files: V2Files,
    denied: tuple[str, ...] = (),
    failed: tuple[tuple[str, str], ...] = (),
    hugetlb: tuple[HugePages, ...] | None = None,
) -> CgroupReading:
    """Make the reading of a cgroup whose controllers are all on v2."""
    # By place where the order is the same: half the time of as many keywords.
    rest: list[Any]
    cpu_stat, cpu_max, cpu_weight, *rest = files
    rest += None, hugetlb, denied, failed
    return CgroupReading(cpu_stat, cpu_max, cpu_weight, None, *rest)
