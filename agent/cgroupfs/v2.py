"""Which files of a cgroup v2 directory are read, and which field of `CgroupReading` each fills.

Docs    https://docs.kernel.org/admin-guide/cgroup-v2.html

A new file is one row here, one field in `V2Files` and one in `CgroupReading`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from agent.cgroupfs.cpu import CpuMax, CpuStat, parse_cpu_max, parse_cpu_stat
from agent.cgroupfs.events import CgroupEvents, parse_cgroup_events
from agent.cgroupfs.io import IoStat, parse_io_stat
from agent.cgroupfs.memory import MemoryEvents, MemoryStat, parse_memory_events, parse_memory_stat
from agent.cgroupfs.pids import parse_pids_events
from agent.cgroupfs.pressure import Pressure, parse_pressure
from agent.cgroupfs.reading import CgroupReading
from agent.kernelfile import Limit, parse_count, parse_limit


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
)


def reading(
    files: V2Files, denied: tuple[str, ...] = (), failed: tuple[tuple[str, str], ...] = ()
) -> CgroupReading:
    """Make the reading of a cgroup whose controllers are all on v2."""
    # By place where the order is the same: half the time of 24 keywords.
    cpu_stat, cpu_max, cpu_weight, *rest = files
    return CgroupReading(cpu_stat, cpu_max, cpu_weight, None, *rest, denied, failed)  # type: ignore[arg-type,call-arg]
