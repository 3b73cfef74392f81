"""Everything one look at one cgroup says, whichever cgroup version said it.

Field names are cgroup v2's file names, units are the kernel's. A v1 or hybrid host fills the same
fields from its own files (`v1.py`); what it cannot say is None.
"""

from __future__ import annotations

from agent.cgroupfs.cpu import CpuMax, CpuStat
from agent.cgroupfs.descendants import CgroupStat
from agent.cgroupfs.dmem import Region
from agent.cgroupfs.events import CgroupEvents
from agent.cgroupfs.io import IoStat
from agent.cgroupfs.memory import MemoryEvents, MemoryStat, SwapEvents
from agent.cgroupfs.numa import NodeMemory
from agent.cgroupfs.pressure import Pressure
from agent.cgroupfs.rdma import Resource
from agent.kernelfile import Limit
from agent.records import NamedTuple, dataclass


class Cgroup(NamedTuple):
    """A cgroup directory. The inode is its identity: paths are used again, inodes are not."""

    inode: int
    """st_ino; on v2 and hybrid hosts the number bpf_get_current_cgroup_id gives. On a hybrid host a
    cgroup that is not in the cgroup2 tree has `tree.V1_ONLY` added to its number."""
    path: str
    """From the root of the mount, which is how /proc/PID/cgroup writes it: "/docker/7f54…"."""
    created: float
    """Unix seconds: mtime of the directory, which the kernel sets when it is made. 0: nobody tells,
    as on the page of another exporter."""


class HugePages(NamedTuple):
    """The huge pages of one size (`hugetlb.py`). None: absent, denied or not understood."""

    page_size: str
    """As the kernel writes it in the file names: 64KB, 2MB, 1GB."""
    current: int | None = None
    max: Limit | None = None
    events_max: int | None = None
    rsvd_current: int | None = None
    peak: int | None = None
    """v1 alone."""


@dataclass(frozen=True, slots=True)
class CgroupReading:
    """One look at one cgroup's files. None: absent, in `denied`, or a detail nobody asked for."""

    cpu_stat: CpuStat | None = None
    cpu_max: CpuMax | None = None
    cpu_weight: int | None = None
    """cpu.weight, 1 to 10000. None on v1, which has `cpu_shares`."""
    cpu_shares: int | None = None
    """v1's cpu.shares, 2 to 262144. None on v2."""
    memory_current: int | None = None
    memory_peak: int | None = None
    memory_min: Limit | None = None
    memory_low: Limit | None = None
    """v1: the soft limit, where one is set."""
    memory_high: Limit | None = None
    memory_max: Limit | None = None
    memory_swap_current: int | None = None
    """Bytes of swap alone, also where v1 counts memory and swap together."""
    memory_swap_max: Limit | None = None
    """Limit of swap alone, likewise."""
    memory_stat: MemoryStat | None = None
    memory_events: MemoryEvents | None = None
    io_stat: tuple[IoStat, ...] | None = None
    pids_current: int | None = None
    pids_peak: int | None = None
    pids_max: Limit | None = None
    pids_events_max: int | None = None
    """How often a fork failed on pids.max."""
    cpu_pressure: Pressure | None = None
    memory_pressure: Pressure | None = None
    io_pressure: Pressure | None = None
    cgroup_events: CgroupEvents | None = None
    cpu_local_throttled_usec: int | None = None
    """Time these tasks were kept off a CPU by a limit of this cgroup or of one above."""
    memory_events_local: MemoryEvents | None = None
    """This cgroup alone, where `memory_events` has all below it too."""
    memory_swap_events: SwapEvents | None = None
    memory_zswap_max: Limit | None = None
    memory_oom_group: int | None = None
    """1: an OOM kill takes the whole cgroup."""
    memory_numa: tuple[NodeMemory, ...] | None = None
    irq_pressure: Pressure | None = None
    procs: tuple[int, ...] | None = None
    """Processes in this very cgroup, none of those below it."""
    cpuset_cpus: int | None = None
    """How many CPUs may be used."""
    cpuset_mems: int | None = None
    """How many NUMA nodes' memory may be used."""
    dmem_current: tuple[Region, ...] | None = None
    dmem_peak: tuple[Region, ...] | None = None
    dmem_max: tuple[Region, ...] | None = None
    dmem_capacity: tuple[Region, ...] | None = None
    """The root's alone: the size of each region."""
    rdma_current: tuple[Resource, ...] | None = None
    rdma_max: tuple[Resource, ...] | None = None
    misc_current: tuple[Resource, ...] | None = None
    misc_max: tuple[Resource, ...] | None = None
    cgroup_stat: CgroupStat | None = None
    """The root's alone: cgroups of the host."""
    cpuset_memory_migrate: int | None = None
    """v1's cpuset.memory_migrate, 0 or 1. None on v2, which always migrates."""
    hugetlb: tuple[HugePages, ...] | None = None
    denied: tuple[str, ...] = ()
    """Fields of this class whose file is there but may not be read by this process."""
    failed: tuple[tuple[str, str], ...] = ()
    """(field, message) where the file was there and held something its parser refused."""
