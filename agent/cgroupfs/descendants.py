"""cgroup.stat: how many cgroups there are, and how many removed ones the kernel cannot let go.

Docs    https://docs.kernel.org/admin-guide/cgroup-v2.html#core-interface-files

    nr_descendants 42
    nr_dying_descendants 7

A dying cgroup is removed and still charged for something, often page cache; thousands of them make
every read of memory.stat and cpu.stat slow. Read at the root alone, for the host as a whole.
"""

from __future__ import annotations

from agent.cgroupfs.flat import FlatKeys
from agent.records import NamedTuple


class CgroupStat(NamedTuple):
    """One cgroup.stat. A key this kernel leaves out is None."""

    nr_descendants: int | None = None
    nr_dying_descendants: int | None = None


_STAT = FlatKeys(CgroupStat._fields)


def parse_cgroup_stat(text: str) -> CgroupStat:
    """Parse cgroup.stat. Keys of newer kernels are skipped."""
    return CgroupStat._make(_STAT.pick(text))
