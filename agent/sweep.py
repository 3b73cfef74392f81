"""What a record of the BPF sweep says, as the values the cgroup's files would have given.

    v2_values, v1_values    record -> {file name: value as that file's parser returns it}; pure
    HostSweep               the walks of a host, and the values of each cgroup

Docs and kernel sources:

    cpu.stat        kernel/cgroup/rstat.c cgroup_base_stat_cputime_show, cputime_adjust of
                    kernel/sched/cputime.c; kernel/sched/core.c cpu_extra_stat_show
    cpu.max         cpu_max_show: RUNTIME_INF is "max"
    cpu.weight      sched_weight_to_cgroup of cpu_weight_read_u64
    memory.*        mm/memcontrol.c: page_counter in pages, PAGE_COUNTER_MAX is "max"
    pids.*          kernel/cgroup/pids.c: PIDS_MAX is "max"
    *.pressure      kernel/sched/psi.c psi_show: totals alone, and up to two seconds old
"""

from __future__ import annotations

import contextlib
import logging
import mmap
import os
from collections.abc import Callable
from typing import Final

from agent.bpf.sweep import (
    HAS_BASE,
    HAS_CPU,
    HAS_MEMORY,
    HAS_PEAK,
    HAS_PIDS,
    HAS_PIDS_EVENTS,
    HAS_PSI,
    Records,
    Sweep,
    SweepRecord,
    SweepTooSmall,
)
from agent.cgroupfs.cpu import CpuMax, CpuStat
from agent.cgroupfs.hierarchies import Hierarchies
from agent.cgroupfs.memory import MemoryEvents
from agent.cgroupfs.pressure import Pressure, Stall
from agent.cgroupfs.swept import NOTHING, Values
from agent.faults import told
from agent.kernelfile import UNLIMITED, Limit

log = logging.getLogger(__name__)

_V1_CONTROLLERS: Final = ("memory", "cpu", "pids")
"""Of whose v1 files a record has the counters."""

_make: Final = tuple.__new__
"""What a NamedTuple's class does, in half the time: a busy host's records are thousands of them."""
_NOT_THROTTLED: Final = (None,) * 5
_NO_STALL: Final = Stall(None, None, None, 0)
_NO_PRESSURE: Final = Pressure(_NO_STALL, _NO_STALL)
_EVENTS: Final = SweepRecord._fields.index("events_low")
"""From here on in the order of MemoryEvents."""

_RUNTIME_INF: Final = (1 << 64) - 1
_PAGE_COUNTER_MAX: Final = ((1 << 63) - 1) // mmap.PAGESIZE
_PIDS_MAX: Final = (1 << 22) + 1
"""PID_MAX_LIMIT + 1 of include/linux/threads.h, 64 bit."""
_SCALE: Final = 10
"""SCHED_FIXEDPOINT_SHIFT: 64-bit kernels keep shares this many bits finer."""


def v2_values(record: SweepRecord) -> dict[str, object]:
    """The files of a cgroup v2 directory."""
    values: dict[str, object] = {}
    has = record.has
    throttling: tuple[int | None, ...] = _NOT_THROTTLED
    if has & HAS_CPU:
        throttling = (
            record.nr_periods,
            record.nr_throttled,
            record.throttled_time // 1000,
            record.nr_burst,
            record.burst_time // 1000,
        )
        values["cpu.max"] = CpuMax(_quota(record.quota), record.period // 1000)
        values["cpu.weight"] = ((record.shares >> _SCALE) * 100 + 512) // 1024
    if has & HAS_BASE:
        user, system = adjust(record)
        values["cpu.stat"] = _make(
            CpuStat, (record.usage // 1000, user // 1000, system // 1000, *throttling)
        )
    if has & HAS_MEMORY:
        values["memory.current"] = record.memory * mmap.PAGESIZE
        values["memory.peak"] = record.memory_watermark * mmap.PAGESIZE
        values["memory.min"] = _pages(record.memory_min)
        values["memory.low"] = _pages(record.memory_low)
        values["memory.high"] = _pages(record.memory_high)
        values["memory.max"] = _pages(record.memory_max)
        values["memory.swap.current"] = record.swap * mmap.PAGESIZE
        values["memory.swap.max"] = _pages(record.swap_max)
        values["memory.events"] = _make(MemoryEvents, record[_EVENTS : _EVENTS + 6])
    if has & HAS_PSI:
        values["cpu.pressure"] = _pressure(record.cpu_some, record.cpu_full)
        values["memory.pressure"] = _pressure(record.memory_some, record.memory_full)
        values["io.pressure"] = _pressure(record.io_some, record.io_full)
    values.update(_pids(record))
    return values


def v1_values(record: SweepRecord) -> dict[str, object]:
    """The files of this cgroup's directories on v1 mounts: one controller's, from one record."""
    values: dict[str, object] = {}
    if record.has & HAS_CPU:
        values["cpu.stat"] = CpuStat(
            nr_periods=record.nr_periods,
            nr_throttled=record.nr_throttled,
            throttled_usec=record.throttled_time // 1000,
            nr_bursts=record.nr_burst,
            burst_usec=record.burst_time // 1000,
        )
        values["cpu.cfs_quota_us"] = _quota(record.quota)
        values["cpu.cfs_period_us"] = record.period // 1000
        values["cpu.shares"] = record.shares >> _SCALE
    if record.has & HAS_MEMORY:
        values["memory.usage_in_bytes"] = record.memory * mmap.PAGESIZE
        values["memory.max_usage_in_bytes"] = record.memory_watermark * mmap.PAGESIZE
        values["memory.soft_limit_in_bytes"] = _pages(record.soft_limit)
        values["memory.limit_in_bytes"] = _pages(record.memory_max)
        values["memory.memsw.limit_in_bytes"] = _pages(record.swap_max)
        values["memory.kmem.usage_in_bytes"] = record.kmem * mmap.PAGESIZE
        values["memory.failcnt"] = record.memory_failcnt
        values["memory.oom_control"] = record.events_oom_kill
    values.update(_pids(record))
    return values


def adjust(record: SweepRecord) -> tuple[int, int]:
    """
    User and system time in ns as cpu.stat shows them: scaled so that they add up to the usage.

    cputime_adjust of kernel/sched/cputime.c: the ticks' proportion of the precise sum, never less
    than what was shown before.
    """
    usage, user, system = record.usage, record.user, record.system
    if record.shown_user + record.shown_system >= usage:
        return record.shown_user, record.shown_system
    if not system:
        adjusted = 0
    elif not user:
        adjusted = usage
    else:
        adjusted = system * usage // (system + user)
    adjusted = max(adjusted, record.shown_system)
    if usage - adjusted < record.shown_user:
        adjusted = usage - record.shown_user
    return usage - adjusted, adjusted


def _pressure(some: int, full: int) -> Pressure:
    """Up to two seconds old: the kernel sums up every two seconds while tasks run."""
    if not some and not full:
        return _NO_PRESSURE
    return _make(
        Pressure,
        (
            _make(Stall, (None, None, None, some // 1000)),
            _make(Stall, (None, None, None, full // 1000)),
        ),
    )


def _pids(record: SweepRecord) -> dict[str, object]:
    if not record.has & HAS_PIDS:
        return {}
    limit = record.pids_limit
    values: dict[str, object] = {
        "pids.current": record.pids,
        "pids.max": UNLIMITED if limit >= _PIDS_MAX else limit,
    }
    if record.has & HAS_PEAK:
        values["pids.peak"] = record.pids_watermark
    if record.has & HAS_PIDS_EVENTS:
        values["pids.events"] = record.pids_events_max
    return values


def _quota(quota: int) -> Limit:
    return UNLIMITED if quota == _RUNTIME_INF else quota // 1000


def _pages(pages: int) -> Limit:
    return UNLIMITED if pages >= _PAGE_COUNTER_MAX else pages * mmap.PAGESIZE


class HostSweep:
    """
    The sweep of a host's hierarchies, as `agent.cgroupfs.swept.Swept` wants it. Not thread-safe.

    `reason` says in words why it gives nothing, "" while it does.
    """

    def __init__(self, hierarchies: Hierarchies, sweep: Sweep) -> None:
        """Take over `sweep`."""
        self.reason = ""
        self._sweep = sweep
        self._unified = hierarchies.unified
        roots = {
            controller: hierarchies.v1[controller]
            for controller in _V1_CONTROLLERS
            if controller in hierarchies.v1
        }
        self._walked = {root: _Hierarchy(v1_values) for root in roots.values()}
        self._v1 = {controller: self._walked[root] for controller, root in roots.items()}
        self._v2 = _Hierarchy(v2_values)
        if self._unified is not None:
            self._walked[self._unified] = self._v2

    def walk(self) -> None:
        """Read everything again; after a failure nothing is known any more."""
        if self.reason:
            return
        try:
            if self._unified is not None:
                _flush(self._unified)
            for root, hierarchy in self._walked.items():
                hierarchy.update(self._sweep.walk(root, v2=hierarchy is self._v2))
        except (OSError, SweepTooSmall) as error:
            self._stop(told(error))

    def v2(self, inode: int) -> Values:
        """The files of a cgroup2 directory."""
        # Here and not in the hierarchy: for most cgroups nothing has changed, and this is all.
        values = self._v2.values.get(inode)
        return self._v2.convert(inode) if values is None else values

    def v1(self, controller: str, inode: int) -> Values:
        """The files of a v1 controller's directory."""
        hierarchy = self._v1.get(controller)
        if hierarchy is None:
            return NOTHING
        values = hierarchy.values.get(inode)
        return hierarchy.convert(inode) if values is None else values

    def forget(self) -> None:
        """Convert every record anew."""
        for hierarchy in self._walked.values():
            hierarchy.values = {}

    def distrust(self, reason: str) -> None:
        """Stop until the next start of the agent: the files say otherwise."""
        self._stop(reason)

    def close(self) -> None:
        """Free all. May be called again."""
        self._sweep.close()

    def _stop(self, reason: str) -> None:
        self.reason = reason
        for hierarchy in self._walked.values():
            hierarchy.update(b"")
        log.warning("the BPF sweep is off, and files are read instead: %s", reason)


class _Hierarchy:
    """The last walk of one, and what its records were converted to."""

    __slots__ = ("_convert", "_records", "values")

    def __init__(self, convert: Callable[[SweepRecord], Values]) -> None:
        self._convert = convert
        self._records = Records()
        self.values: dict[int, Values] = {}
        """By inode, of the records that were asked for since they changed."""

    def update(self, memory: bytes) -> None:
        for inode in self._records.update(memory):
            self.values.pop(inode, None)

    def convert(self, inode: int) -> Values:
        record = self._records.get(inode)
        if record is None:
            return NOTHING
        self.values[inode] = values = self._convert(record)
        return values


def _flush(unified: str) -> None:
    """
    Have the kernel sum up its per-CPU counters of CPU time, as reading cpu.stat does.

    One cgroup below the root each: the root's own file does not flush.
    """
    with os.scandir(unified) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                # Gone meanwhile, or not ours to read: its CPU time is a tick older.
                with contextlib.suppress(OSError), open(f"{entry.path}/cpu.stat", "rb") as file:
                    file.read()
