"""cpu.stat, cpu.max, cpu.weight: CPU time used, and how often the limit stopped it.

Docs    https://docs.kernel.org/admin-guide/cgroup-v2.html#cpu-interface-files
Units   *_usec: microseconds. nr_*: counts. All of cpu.stat only rises.

cpu.stat.local has this cgroup alone: one line, `throttled_usec 41300000`, and nothing without the
cpu controller.

    usage_usec 8231774
    user_usec 6400000
    system_usec 1831774
    nr_periods 300
    nr_throttled 192
    throttled_usec 41300000
    nr_bursts 0
    burst_usec 0

usage/user/system are there in every cgroup; the rest only where the cpu controller is on. The
throttling counters speak of this cgroup's own limit, never of an ancestor's.
"""

from __future__ import annotations

from agent.cgroupfs.flat import FlatKeys
from agent.kernelfile import UNLIMITED, Limit, UnexpectedText, parse_count, parse_limit
from agent.records import NamedTuple


class CpuStat(NamedTuple):
    """One cpu.stat. A key the kernel leaves out is None."""

    usage_usec: int | None = None
    user_usec: int | None = None
    system_usec: int | None = None
    nr_periods: int | None = None
    nr_throttled: int | None = None
    throttled_usec: int | None = None
    nr_bursts: int | None = None
    burst_usec: int | None = None


class CpuMax(NamedTuple):
    """The CFS bandwidth limit: `quota_usec` of CPU time in each `period_usec`."""

    quota_usec: Limit
    period_usec: int

    @property
    def cores(self) -> float | None:
        """The limit in cores; None when there is none."""
        if self.quota_usec is UNLIMITED:
            return None
        return self.quota_usec / self.period_usec


_STAT = FlatKeys(CpuStat._fields)
_STAT_LOCAL = FlatKeys(("throttled_usec",))


def parse_cpu_stat(text: str) -> CpuStat:
    """Parse cpu.stat. Keys of newer kernels are skipped."""
    return CpuStat._make(_STAT.pick(text))


def parse_cpu_stat_local(text: str) -> int | None:
    """
    Return `throttled_usec` of cpu.stat.local; None without the cpu controller.

    Unlike cpu.stat's it counts every throttling these tasks felt, of an ancestor's limit too, and
    only while they wanted to run. Linux kernel commit 677ea015f231 ("sched: add throttled time stat
    for throttled children") (in v6.6).
    """
    return _STAT_LOCAL.pick(text)[0]


def parse_cpu_max(text: str) -> CpuMax:
    """Parse cpu.max: "$QUOTA|max $PERIOD"."""
    quota, _, period = text.strip().partition(" ")
    period_usec = parse_count(period)
    quota_usec = parse_limit(quota)
    if period_usec <= 0 or (quota_usec is not UNLIMITED and quota_usec < 0):
        raise UnexpectedText(text)
    return CpuMax(quota_usec, period_usec)
