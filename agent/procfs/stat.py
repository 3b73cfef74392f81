"""/proc/stat: the machine's CPU time.

Docs    https://docs.kernel.org/filesystems/proc.html#miscellaneous-kernel-statistics-in-proc-stat
Units   USER_HZ ticks (sysconf SC_CLK_TCK, 100 a second); all only rise.

    cpu  10132153 290696 3084719 46828483 16683 0 25195 0 175628 0
"""

from __future__ import annotations

from agent.kernelfile import UnexpectedText
from agent.records import NamedTuple


class CpuTimes(NamedTuple):
    """The "cpu" line: all CPUs together. `user` and `nice` already hold the guests' time."""

    user: int
    nice: int
    system: int
    idle: int
    iowait: int
    irq: int
    softirq: int
    steal: int


def parse_boot_time(text: str) -> float | None:
    """Unix seconds at which the machine started: the "btime" line of /proc/stat."""
    found = text.partition("\nbtime ")[2].partition("\n")[0]
    return float(found) if found.isdecimal() else None


def parse_stat(text: str) -> CpuTimes:
    """Parse the first line of /proc/stat."""
    line = text.partition("\n")[0]
    fields = line.split()
    try:
        if fields[0] != "cpu":
            raise ValueError
        return CpuTimes(*(int(field) for field in fields[1:9]))
    except (IndexError, TypeError, ValueError):
        raise UnexpectedText(line) from None
