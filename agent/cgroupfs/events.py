"""cgroup.events: whether anything still runs in this cgroup, and whether it is frozen.

Docs    https://docs.kernel.org/admin-guide/cgroup-v2.html#core-interface-files

    populated 1
    frozen 0

`populated` falls to 0 as soon as the last task exits, while the directory, and so cpu.stat and the
other files, stay readable until the runtime removes it.
"""

from __future__ import annotations

from agent.cgroupfs.flat import parse_flat
from agent.records import NamedTuple


class CgroupEvents(NamedTuple):
    """One cgroup.events. `frozen` is None before Linux 5.2."""

    populated: bool | None
    frozen: bool | None


def parse_cgroup_events(text: str) -> CgroupEvents:
    """Parse cgroup.events. Keys of newer kernels are skipped."""
    values = parse_flat(text)
    return CgroupEvents(
        populated=_flag(values.get("populated")), frozen=_flag(values.get("frozen"))
    )


def _flag(value: int | None) -> bool | None:
    return None if value is None else value != 0
