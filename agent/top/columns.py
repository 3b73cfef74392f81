"""The columns: where each takes its values from, how it writes them, and when they matter.

A value is a number in base units, text, UNLIMITED, or the reason why there is none (`Unknown`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from agent import units
from agent.kernelfile import Unlimited
from agent.usage import Unknown, Usage

Value = float | str | Unlimited | Unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column: where its values come from and how they are written."""

    key: str
    """What `--sort` takes."""
    heading: str
    help: str
    width: int
    values: Callable[[Usage], tuple[Value, ...]]
    write: Callable[[float], str] = str
    part_width: int = 0
    """Each of several values is filled to this many columns."""
    order: Callable[[Usage], float | str | None] | None = None
    """What to sort by; by default the largest of `values`. None sorts last."""
    descending: bool = True
    right: bool = True
    warning: float = float("inf")
    critical: float = float("inf")
    """Values from here on are marked: the same base as the values."""
    wide: bool = False
    """Only where there is much room."""
    rank: int = 0
    """The higher, the sooner it is left out where there is little room."""


def title(usage: Usage) -> str:
    """What the row is called: the container's title, else the cgroup's path."""
    container = usage.container
    if container is None:
        return usage.cgroup.path.strip("/") or "/"
    return container.title or usage.cgroup.path.strip("/")


def _fields(*names: str) -> Callable[[Usage], tuple[Value, ...]]:
    """These fields of a Usage, or why they are None."""

    def values(usage: Usage) -> tuple[Value, ...]:
        unknown = usage.unknown
        # What is not in `unknown` is not None.
        return tuple([unknown.get(name) or getattr(usage, name) for name in names])

    return values


def _share(limit: str, ratio: str) -> Callable[[Usage], tuple[Value, ...]]:
    """The field `ratio`, or UNLIMITED where the field `limit` is."""
    get = _fields(ratio)

    def values(usage: Usage) -> tuple[Value, ...]:
        found = getattr(usage, limit)
        return (found,) if isinstance(found, Unlimited) else get(usage)

    return values


def _sum(*names: str) -> Callable[[Usage], float | None]:
    def total(usage: Usage) -> float | None:
        known = [value for name in names if (value := getattr(usage, name)) is not None]
        return sum(known) if known else None

    return total


COLUMNS: tuple[Column, ...] = (
    Column(
        key="name",
        heading="NAME",
        help="namespace/pod/container, the runtime's name, or the cgroup's path",
        width=20,
        values=lambda usage: (title(usage),),
        right=False,
        descending=False,
    ),
    Column(
        key="state",
        heading="STATE",
        help="how long it is up, paused, or exited; sorts the youngest first",
        width=9,
        values=lambda usage: (usage.state or usage.unknown["state"],),
        order=lambda usage: usage.started,
        right=False,
        rank=3,
    ),
    Column(
        key="cpu",
        heading="CPU",
        help="CPU time used, in cores",
        width=5,
        values=_fields("cpu_cores"),
        write=units.human_cores,
    ),
    Column(
        key="cpu-limit",
        heading="%LIM",
        help="CPU used in percent of its own limit",
        width=4,
        values=_share("cpu_limit_cores", "cpu_limit_ratio"),
        write=units.human_percent,
        warning=0.7,
        critical=0.9,
        rank=1,
    ),
    Column(
        key="throttled",
        heading="THR%",
        help="scheduling periods in which the CPU limit stopped it, in percent",
        width=4,
        values=_fields("throttled_ratio"),
        write=units.human_percent,
        warning=0.05,
        critical=0.25,
        rank=2,
    ),
    Column(
        key="memory",
        heading="MEM",
        help="memory it cannot do without right away (working set); K, M, G are powers of 1024",
        width=5,
        values=_fields("memory_working_set"),
        write=units.human_size,
    ),
    Column(
        key="memory-limit",
        heading="%LIM",
        help="memory in percent of its own limit",
        width=4,
        values=_share("memory_limit", "memory_limit_ratio"),
        write=units.human_percent,
        warning=0.7,
        critical=0.9,
        rank=1,
    ),
    Column(
        key="pressure",
        heading="PSI c/m/i",
        help="time some task waited for CPU / memory / I/O, in percent",
        width=11,
        values=_fields("cpu_pressure_some", "memory_pressure_some", "io_pressure_some"),
        write=units.human_percent,
        part_width=2,
        warning=0.1,
        critical=0.4,
        rank=4,
    ),
    Column(
        key="network",
        heading="RX/TX",
        help="bytes per second received / sent, without loopback; sorts by the sum",
        width=9,
        values=_fields("receive_bytes_per_second", "transmit_bytes_per_second"),
        write=units.human_rate,
        order=_sum("receive_bytes_per_second", "transmit_bytes_per_second"),
        rank=5,
    ),
    Column(
        key="disk",
        heading="RD/WR",
        help="bytes per second read / written on block devices; sorts by the sum",
        width=9,
        values=_fields("read_bytes_per_second", "write_bytes_per_second"),
        write=units.human_rate,
        order=_sum("read_bytes_per_second", "write_bytes_per_second"),
        rank=6,
    ),
    Column(
        key="pids",
        heading="PIDS",
        help="tasks (threads)",
        width=5,
        values=_fields("pids"),
        write=lambda value: units.human_count(int(value)),
        rank=7,
    ),
    Column(
        key="runtime",
        heading="RUNTIME",
        help="who runs it",
        width=10,
        values=lambda usage: (usage.container.runtime if usage.container else "",),
        right=False,
        descending=False,
        wide=True,
        rank=8,
    ),
    Column(
        key="image",
        heading="IMAGE",
        help="the image it was made from",
        width=24,
        values=lambda usage: (usage.container.image if usage.container else "",),
        right=False,
        descending=False,
        wide=True,
        rank=9,
    ),
)
BY_KEY = {column.key: column for column in COLUMNS}
