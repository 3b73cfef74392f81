"""The column sets that keys 1 to 7 choose."""

from __future__ import annotations

from typing import Final

from agent.records import NamedTuple


class ColumnSet(NamedTuple):
    """One of them."""

    name: str
    columns: tuple[str, ...]
    """Keys in `columns.BY_KEY`."""


def _set(name: str, columns: str) -> ColumnSet:
    return ColumnSet(name, tuple(columns.split()))


SETS: Final = (
    _set(
        "overview",
        "name state cpu cpu.of_limit cpu.throttled cpu.trend mem mem.of_limit psi net disk pids"
        " runtime image why",
    ),
    _set(
        "cpu",
        "name cpu cpu.trend cpu.of_limit cpu.of_request cpu.of_host cpu.throttled cpu.withheld"
        " psi.cpu pids why",
    ),
    _set(
        "memory",
        "name mem mem.trend mem.of_limit mem.of_request mem.of_host mem.anon mem.file mem.swap oom"
        " psi.mem why",
    ),
    _set("io", "name disk.read disk.write psi.io cpu mem why"),
    _set("network", "name net.rx net.tx cpu mem runtime why"),
    _set(
        "limits",
        "name cpu cpu.limit cpu.of_limit cpu.throttled mem mem.limit mem.of_limit pids pids.limit"
        " pids.of_limit why",
    ),
    _set(
        "kubernetes",
        "name state restarts cpu cpu.request cpu.of_request cpu.of_limit mem mem.request"
        " mem.of_request mem.of_limit qos owner image why",
    ),
)
DEFAULT: Final = SETS[0].columns
HOST: Final = "host"


def with_host(columns: tuple[str, ...]) -> tuple[str, ...]:
    """The same with the host after the name, for a view of several."""
    return (*columns[:1], HOST, *(key for key in columns[1:] if key != HOST))
