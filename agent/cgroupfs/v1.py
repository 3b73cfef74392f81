"""The same `CgroupReading` from cgroup v1 files, and from a hybrid host's v1 and v2 files together.

Docs    https://docs.kernel.org/admin-guide/cgroup-v1/ (cpuacct, memory, blkio-controller, pids,
        freezer-subsystem)
        https://docs.kernel.org/scheduler/sched-bwc.html (cpu.stat, cpu.cfs_*)

    cpuacct.usage                       839921395                 nanoseconds
    cpuacct.stat                        user 3                    ticks of 10 ms that share out
                                        system 80                 cpuacct.usage
    cpu.stat                            throttled_time 787711525  nanoseconds, the rest counts
    cpu.cfs_quota_us                    -1                        no limit
    memory.limit_in_bytes               9223372036854771712       no limit
    memory.stat                         total_rss 1146880         with all descendants; without
                                                                  "total_" this cgroup alone
    memory.oom_control                  oom_kill 0                this cgroup alone
    blkio.throttle.io_service_bytes     8:0 Read 4096             also Write, Sync, Async, Discard,
                                                                  Total, and a last "Total 4096"

    memory.numa_stat                    see numa.py
    cpuset.effective_cpus               0-4,6,8-10

Where both versions could answer, v1 does: the controllers are there, so a runtime surely moved its
processes there, which it need not have done on the cgroup2 mount.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, TypeVar

from agent.cgroupfs.cpu import CpuMax, CpuStat
from agent.cgroupfs.cpuset import parse_list_count
from agent.cgroupfs.events import CgroupEvents
from agent.cgroupfs.flat import FlatKeys
from agent.cgroupfs.io import IoStat
from agent.cgroupfs.memory import MemoryEvents, MemoryStat
from agent.cgroupfs.numa import NodeMemory, parse_v1_numa_stat
from agent.cgroupfs.pids import parse_pids_events
from agent.cgroupfs.procs import parse_procs
from agent.cgroupfs.reading import CgroupReading, HugePages
from agent.cgroupfs.v2 import WALKED, Row, V2Files
from agent.kernelfile import UNLIMITED, Limit, UnexpectedText, parse_count, parse_limit
from agent.records import NamedTuple

_NO_LIMIT: Final = 1 << 62
"""Bytes. "No limit" is PAGE_COUNTER_MAX pages, 2^63 less one page, which depends on the page size;
nothing that large is a limit."""

T = TypeVar("T")


class V1MemoryStat(NamedTuple):
    """memory.stat: the part v2's has too, and the swap v2 has in a file of its own."""

    stat: MemoryStat
    swap: int | None


class Requests(NamedTuple):
    """One device of a blkio.throttle file."""

    read: int | None
    write: int | None
    discard: int | None


Blkio = dict[tuple[int, int], Requests]
"""(major, minor) → counts."""


class V1Files(NamedTuple):
    """What each file of `V1_ROWS` said, in that order. None: absent, denied or not understood."""

    cpuacct_usage: int | None = None
    cpuacct_stat: CpuStat | None = None
    cpu_stat: CpuStat | None = None
    cpu_cfs_quota_us: Limit | None = None
    cpu_cfs_period_us: int | None = None
    cpu_shares: int | None = None
    memory_usage: int | None = None
    memory_max_usage: int | None = None
    memory_soft_limit: Limit | None = None
    memory_limit: Limit | None = None
    memsw_limit: Limit | None = None
    memory_stat: V1MemoryStat | None = None
    memory_kmem_usage: int | None = None
    memory_failcnt: int | None = None
    memory_oom_kill: int | None = None
    io_service_bytes: Blkio | None = None
    io_serviced: Blkio | None = None
    pids_current: int | None = None
    pids_peak: int | None = None
    pids_max: Limit | None = None
    pids_events_max: int | None = None
    frozen: bool | None = None
    memory_numa: tuple[NodeMemory, ...] | None = None
    procs: tuple[int, ...] | None = None
    cpuset_cpus: int | None = None
    cpuset_mems: int | None = None
    cpuset_memory_migrate: int | None = None


_CPU_STAT = FlatKeys(("nr_periods", "nr_throttled", "throttled_time", "nr_bursts", "burst_time"))
_MEMORY_STAT_KEYS: Final = {
    "anon": "rss",
    "file": "cache",
    "shmem": "shmem",
    "file_mapped": "mapped_file",
    "file_dirty": "dirty",
    "file_writeback": "writeback",
    "inactive_anon": "inactive_anon",
    "active_anon": "active_anon",
    "inactive_file": "inactive_file",
    "active_file": "active_file",
    "unevictable": "unevictable",
    "pgfault": "pgfault",
    "pgmajfault": "pgmajfault",
    "workingset_refault_anon": "workingset_refault_anon",
    "workingset_refault_file": "workingset_refault_file",
    "anon_thp": "rss_huge",
    "swapcached": "swapcached",
}
"""Field of `MemoryStat` → v1's key. v1 has no other of its fields here."""
_MEMORY_STAT = FlatKeys(
    [f"total_{_MEMORY_STAT_KEYS.get(name, name)}" for name in MemoryStat._fields] + ["total_swap"]
)
_OOM_CONTROL = FlatKeys(("oom_kill",))
_CPUACCT_STAT = FlatKeys(("user", "system"))
_TICK_USEC: Final = 10_000
"""USER_HZ is 100 on all that containers run on."""


def parse_v1_cpu_stat(text: str) -> CpuStat:
    """Parse the cpu controller's cpu.stat: the throttling half of v2's."""
    nr_periods, nr_throttled, throttled_time, nr_bursts, burst_time = _CPU_STAT.pick(text)
    return CpuStat(
        nr_periods=nr_periods,
        nr_throttled=nr_throttled,
        throttled_usec=_usec(throttled_time),
        nr_bursts=nr_bursts,
        burst_usec=_usec(burst_time),
    )


def parse_cpuacct_stat(text: str) -> CpuStat:
    """
    Parse cpuacct.stat: user and system time.

    They add up to cpuacct.usage and never fall, since Linux 5.17. cpuacct.usage_user and usage_sys
    count whole timer ticks to the nanosecond: of a throttled container 7% more than it used.
    """
    user, system = _CPUACCT_STAT.pick(text)
    return CpuStat(user_usec=_ticks(user), system_usec=_ticks(system))


def parse_quota(text: str) -> Limit:
    """Parse cpu.cfs_quota_us: microseconds, negative for no limit."""
    quota = parse_count(text)
    return UNLIMITED if quota < 0 else quota


def parse_bytes_limit(text: str) -> Limit:
    """Parse memory.limit_in_bytes and its kin."""
    limit = parse_count(text)
    return UNLIMITED if limit >= _NO_LIMIT else limit


def parse_v1_memory_stat(text: str) -> V1MemoryStat:
    """Parse memory.stat with the names and meaning of v2: this cgroup and all below it."""
    *stat, swap = _MEMORY_STAT.pick(text)
    return V1MemoryStat(MemoryStat._make(stat), swap)


def parse_oom_control(text: str) -> int | None:
    """
    Return `oom_kill` of memory.oom_control.

    None before Linux kernel commit 8e675f7af507 ("mm/oom_kill: count global and memory cgroup oom
    kills") (in v4.13).
    """
    return _OOM_CONTROL.pick(text)[0]


def parse_blkio(text: str) -> Blkio:
    """Parse a blkio.throttle.io_service* file. A line that is not "8:0 Read 1" is skipped."""
    counts: dict[tuple[int, int], dict[str, int]] = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) != 3:
            continue  # "Total 4096", the sum over devices
        major, _, minor = words[0].partition(":")
        try:
            device, count = (int(major), int(minor)), int(words[2])
        except ValueError:
            continue  # "(unknown)", as in v2's io.stat
        counts.setdefault(device, {})[words[1]] = count
    return {
        device: Requests(by_kind.get("Read"), by_kind.get("Write"), by_kind.get("Discard"))
        for device, by_kind in counts.items()
    }


def parse_freezer_state(text: str) -> bool:
    """Parse freezer.state: THAWED, FREEZING (some tasks still run) or FROZEN."""
    state = text.strip()
    if state not in ("THAWED", "FREEZING", "FROZEN"):
        raise UnexpectedText(text)
    return state == "FROZEN"


V1_ROWS: Final = (
    Row("cpu_stat", "cpuacct", ("cpuacct.usage",), parse_count),
    Row("cpu_stat", "cpuacct", ("cpuacct.stat",), parse_cpuacct_stat),
    Row("cpu_stat", "cpu", ("cpu.stat",), parse_v1_cpu_stat),
    Row("cpu_max", "cpu", ("cpu.cfs_quota_us",), parse_quota),
    Row("cpu_max", "cpu", ("cpu.cfs_period_us",), parse_count),
    Row("cpu_shares", "cpu", ("cpu.shares",), parse_count),
    Row("memory_current", "memory", ("memory.usage_in_bytes",), parse_count),
    Row("memory_peak", "memory", ("memory.max_usage_in_bytes",), parse_count),
    Row("memory_low", "memory", ("memory.soft_limit_in_bytes",), parse_bytes_limit),
    Row("memory_max", "memory", ("memory.limit_in_bytes",), parse_bytes_limit),
    Row("memory_swap_max", "memory", ("memory.memsw.limit_in_bytes",), parse_bytes_limit),
    Row("memory_stat", "memory", ("memory.stat",), parse_v1_memory_stat),
    Row("memory_stat", "memory", ("memory.kmem.usage_in_bytes",), parse_count),
    Row("memory_events", "memory", ("memory.failcnt",), parse_count),
    Row("memory_events", "memory", ("memory.oom_control",), parse_oom_control),
    Row(
        "io_stat",
        "blkio",
        ("blkio.throttle.io_service_bytes_recursive", "blkio.throttle.io_service_bytes"),
        parse_blkio,
    ),
    Row(
        "io_stat",
        "blkio",
        ("blkio.throttle.io_serviced_recursive", "blkio.throttle.io_serviced"),
        parse_blkio,
    ),
    Row("pids_current", "pids", ("pids.current",), parse_count),
    Row("pids_peak", "pids", ("pids.peak",), parse_count),
    Row("pids_max", "pids", ("pids.max",), parse_limit),
    Row("pids_events_max", "pids", ("pids.events",), parse_pids_events),
    Row("cgroup_events", "freezer", ("freezer.state",), parse_freezer_state),
    Row("memory_numa", "memory", ("memory.numa_stat",), parse_v1_numa_stat, "memory_numa"),
    # The kernel makes the list when an open file is first read, and reads within a second of the
    # last one get the same: kernel/cgroup/cgroup-v1.c, CGROUP_PIDLIST_DESTROY_DELAY.
    Row("procs", WALKED, ("cgroup.procs",), parse_procs, "process", repeats=True),
    Row("cpuset_cpus", "cpuset", ("cpuset.effective_cpus",), parse_list_count, "cpuset"),
    Row("cpuset_mems", "cpuset", ("cpuset.effective_mems",), parse_list_count, "cpuset"),
    Row("cpuset_memory_migrate", "cpuset", ("cpuset.memory_migrate",), parse_count, "cpuset"),
)


def reading(
    files: V1Files,
    beside: V2Files,
    denied: tuple[str, ...] = (),
    failed: tuple[tuple[str, str], ...] = (),
    hugetlb: tuple[HugePages, ...] | None = None,
) -> CgroupReading:
    """Make the reading of a v1 or hybrid cgroup; `beside` is what its cgroup2 directory said."""
    stat, events = files.memory_stat, _memory_events(files)
    return CgroupReading(
        cpu_stat=_first(_cpu_stat(files), beside.cpu_stat),
        cpu_max=_first(_cpu_max(files), beside.cpu_max),
        cpu_weight=beside.cpu_weight,
        cpu_shares=files.cpu_shares,
        memory_current=_first(files.memory_usage, beside.memory_current),
        memory_peak=_first(files.memory_max_usage, beside.memory_peak),
        memory_min=beside.memory_min,
        # The soft limit is what a runtime calls a reservation, as memory.low on v2. Unlimited is
        # its default and reserves nothing, which memory.low says with 0.
        memory_low=0
        if files.memory_soft_limit is UNLIMITED
        else _first(files.memory_soft_limit, beside.memory_low),
        memory_high=beside.memory_high,
        memory_max=_first(files.memory_limit, beside.memory_max),
        memory_swap_current=beside.memory_swap_current if stat is None else stat.swap,
        memory_swap_max=_first(_swap_max(files), beside.memory_swap_max),
        memory_stat=beside.memory_stat
        if stat is None
        else stat.stat._replace(kernel=files.memory_kmem_usage),
        memory_events=_first(events, beside.memory_events),
        io_stat=_first(_io_stat(files), beside.io_stat),
        pids_current=_first(files.pids_current, beside.pids_current),
        pids_peak=_first(files.pids_peak, beside.pids_peak),
        pids_max=_first(files.pids_max, beside.pids_max),
        pids_events_max=_first(files.pids_events_max, beside.pids_events_max),
        cpu_pressure=beside.cpu_pressure,
        memory_pressure=beside.memory_pressure,
        io_pressure=beside.io_pressure,
        cgroup_events=_cgroup_events(files, beside),
        cpu_local_throttled_usec=beside.cpu_local_throttled_usec,
        # failcnt and oom_kill are this cgroup's alone, so v1's one answer is both.
        memory_events_local=_first(events, beside.memory_events_local),
        memory_swap_events=beside.memory_swap_events,
        memory_zswap_max=beside.memory_zswap_max,
        memory_oom_group=beside.memory_oom_group,
        memory_numa=_first(files.memory_numa, beside.memory_numa),
        irq_pressure=beside.irq_pressure,
        procs=_first(files.procs, beside.procs),
        cpuset_cpus=_first(files.cpuset_cpus, beside.cpuset_cpus),
        cpuset_mems=_first(files.cpuset_mems, beside.cpuset_mems),
        dmem_current=beside.dmem_current,
        dmem_peak=beside.dmem_peak,
        dmem_max=beside.dmem_max,
        dmem_capacity=beside.dmem_capacity,
        rdma_current=beside.rdma_current,
        rdma_max=beside.rdma_max,
        misc_current=beside.misc_current,
        misc_max=beside.misc_max,
        cgroup_stat=beside.cgroup_stat,
        cpuset_memory_migrate=files.cpuset_memory_migrate,
        hugetlb=hugetlb,
        denied=denied,
        failed=failed,
    )


# Most cgroups say the same as last time and as their neighbours: one object for all, also in the
# Snapshots of a minute that are kept.
@lru_cache(1024)
def _cpu_max_of(quota: Limit, period: int) -> CpuMax:
    return CpuMax(quota, period)


@lru_cache(1024)
def _memory_events_of(failcnt: int | None, oom_kill: int | None) -> MemoryEvents:
    return MemoryEvents(max=failcnt, oom_kill=oom_kill)


@lru_cache(16)
def _cgroup_events_of(populated: bool | None, frozen: bool) -> CgroupEvents:
    return CgroupEvents(populated, frozen)


def _first(v1: T | None, v2: T | None) -> T | None:
    return v2 if v1 is None else v1


def _ticks(count: int | None) -> int | None:
    return None if count is None else count * _TICK_USEC


def _usec(nanoseconds: int | None) -> int | None:
    return None if nanoseconds is None else nanoseconds // 1000


def _cpu_stat(files: V1Files) -> CpuStat | None:
    throttling, shares = files.cpu_stat, files.cpuacct_stat
    if throttling is None and shares is None and files.cpuacct_usage is None:
        return None
    return CpuStat(
        _usec(files.cpuacct_usage), *(shares or CpuStat())[1:3], *(throttling or CpuStat())[3:]
    )


def _cpu_max(files: V1Files) -> CpuMax | None:
    if files.cpu_cfs_quota_us is None or not files.cpu_cfs_period_us:
        return None
    return _cpu_max_of(files.cpu_cfs_quota_us, files.cpu_cfs_period_us)


def _cgroup_events(files: V1Files, beside: V2Files) -> CgroupEvents | None:
    """Runtimes freeze with the freezer controller; the cgroup2 directory then says `frozen 0`."""
    if files.frozen is None:
        return beside.cgroup_events
    populated = None if beside.cgroup_events is None else beside.cgroup_events.populated
    return _cgroup_events_of(populated, files.frozen)


def _swap_max(files: V1Files) -> Limit | None:
    """memsw is memory and swap together: what it allows beyond the memory limit is swap."""
    both, memory = files.memsw_limit, files.memory_limit
    if both is None or both is UNLIMITED:
        return both
    return None if memory is None or memory is UNLIMITED else max(both - memory, 0)


def _memory_events(files: V1Files) -> MemoryEvents | None:
    if files.memory_failcnt is None and files.memory_oom_kill is None:
        return None
    return _memory_events_of(files.memory_failcnt, files.memory_oom_kill)


_NO_REQUESTS: Final = Requests(None, None, None)


def _io_stat(files: V1Files) -> tuple[IoStat, ...] | None:
    if files.io_service_bytes is None and files.io_serviced is None:
        return None
    sizes, counts = files.io_service_bytes or {}, files.io_serviced or {}
    devices = []
    for device in sorted(sizes.keys() | counts.keys()):
        size, count = sizes.get(device, _NO_REQUESTS), counts.get(device, _NO_REQUESTS)
        devices.append(
            IoStat(
                *device, size.read, size.write, count.read, count.write, size.discard, count.discard
            )
        )
    return tuple(devices)
