"""The columns there are. Which of them are shown: `sets.py`, or the person's own choice."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from agent.selection.field import Unit
from agent.selection.fields import find_field
from agent.top.column import Column, Grow, Marks

_SHARE: Final = Marks(0.7, 0.9)
"""As ctop and k9s have it."""
_STALL: Final = Marks(0.1, 0.4)

COLUMNS: Final[tuple[Column, ...]] = (
    Column(
        key="name",
        heading="NAME",
        fields=("name",),
        width=20,
        right=False,
        descending=False,
        grow=Grow.NAME,
        most=48,
    ),
    Column(
        key="state",
        heading="STATE",
        fields=("state", "age"),
        kind="state",
        help="how long it is up, paused, exited, or down; sorts the youngest first",
        width=9,
        order=("age",),
        descending=False,
        right=False,
        rank=5,
    ),
    Column(key="cpu", heading="CPU", fields=("cpu",), width=5),
    Column(
        key="cpu.of_limit",
        heading="%LIM",
        fields=("cpu.of_limit",),
        help="CPU used in percent of its own limit",
        width=4,
        rank=1,
        marks=_SHARE,
    ),
    Column(
        key="cpu.of_request",
        heading="%REQ",
        fields=("cpu.of_request",),
        help="CPU used in percent of its request (Kubernetes)",
        width=4,
        rank=3,
    ),
    Column(
        key="cpu.of_host",
        heading="%HOST",
        fields=("cpu.of_host",),
        help="CPU used in percent of all the host's cores",
        width=5,
        rank=4,
        marks=_SHARE,
    ),
    Column(
        key="cpu.throttled",
        heading="THR%",
        fields=("cpu.throttled",),
        help="scheduling periods in which the CPU limit stopped it, in percent",
        width=4,
        marks=Marks(0.05, 0.25),
        rank=2,
    ),
    Column(
        key="cpu.withheld",
        heading="HELD",
        fields=("cpu.withheld",),
        width=5,
        marks=Marks(0.05, 1.0),
        rank=3,
    ),
    Column(key="cpu.limit", heading="LIMIT", fields=("cpu.limit",), width=5, rank=3),
    Column(key="cpu.request", heading="REQ", fields=("cpu.request",), width=5, rank=4),
    Column(
        key="cpu.trend",
        heading="CPU 60s",
        fields=("cpu",),
        kind="cpu-trend",
        help="CPU of the last minute, of its limit, else of its own most; sorts by CPU",
        width=12,
        right=False,
        rank=6,
    ),
    Column(
        key="mem",
        heading="MEM",
        fields=("mem",),
        width=5,
        help="memory it cannot do without right away (working set); K, M, G are powers of 1024",
    ),
    Column(
        key="mem.of_limit",
        heading="%LIM",
        fields=("mem.of_limit",),
        help="memory in percent of its own limit",
        width=4,
        rank=1,
        marks=_SHARE,
    ),
    Column(
        key="mem.of_request",
        heading="%REQ",
        fields=("mem.of_request",),
        help="memory in percent of its request (Kubernetes)",
        width=4,
        rank=3,
    ),
    Column(
        key="mem.of_host",
        heading="%HOST",
        fields=("mem.of_host",),
        help="memory in percent of the host's",
        width=5,
        rank=4,
        marks=_SHARE,
    ),
    Column(key="mem.limit", heading="LIMIT", fields=("mem.limit",), width=5, rank=3),
    Column(key="mem.request", heading="REQ", fields=("mem.request",), width=5, rank=4),
    Column(
        key="mem.trend",
        heading="MEM 60s",
        fields=("mem",),
        kind="memory-trend",
        help="memory of the last minute, of its limit, else of its own most; sorts by memory",
        width=12,
        right=False,
        rank=6,
    ),
    Column(key="mem.anon", heading="ANON", fields=("mem.anon",), width=5, rank=3),
    Column(key="mem.file", heading="CACHE", fields=("mem.file",), width=5, rank=3),
    Column(key="mem.swap", heading="SWAP", fields=("mem.swap",), width=5, rank=4, marks=Marks(1)),
    Column(key="oom", heading="OOM", fields=("oom",), width=4, rank=2, marks=Marks(1, 1)),
    Column(
        key="psi",
        heading="PSI c/m/i",
        fields=("psi.cpu", "psi.mem", "psi.io"),
        help="time some task waited for CPU / memory / I/O, in percent",
        width=11,
        part_width=2,
        rank=7,
        marks=_STALL,
    ),
    Column(
        key="psi.cpu",
        heading="PSI some/full",
        fields=("psi.cpu", "psi.cpu.full"),
        help="time some / all tasks waited for a CPU, in percent",
        width=13,
        part_width=3,
        rank=2,
        marks=_STALL,
    ),
    Column(
        key="psi.mem",
        heading="PSI some/full",
        fields=("psi.mem", "psi.mem.full"),
        help="time some / all tasks waited for memory, in percent",
        width=13,
        part_width=3,
        rank=2,
        marks=_STALL,
    ),
    Column(
        key="psi.io",
        heading="PSI some/full",
        fields=("psi.io", "psi.io.full"),
        help="time some / all tasks waited for I/O, in percent",
        width=13,
        part_width=3,
        rank=2,
        marks=_STALL,
    ),
    Column(
        key="net",
        heading="RX/TX",
        fields=("net.rx", "net.tx"),
        help="bytes per second received / sent, without loopback; sorts by the sum",
        width=9,
        order=("net.rx", "net.tx"),
        rank=8,
    ),
    Column(key="net.rx", heading="RX/s", fields=("net.rx",), width=5),
    Column(key="net.tx", heading="TX/s", fields=("net.tx",), width=5),
    Column(
        key="disk",
        heading="RD/WR",
        fields=("disk.read", "disk.write"),
        help="bytes per second read / written on block devices; sorts by the sum",
        width=9,
        order=("disk.read", "disk.write"),
        rank=9,
    ),
    Column(key="disk.read", heading="READ/s", fields=("disk.read",), width=6),
    Column(key="disk.write", heading="WRITE/s", fields=("disk.write",), width=7),
    Column(key="pids", heading="PIDS", fields=("pids",), width=5, rank=10),
    Column(key="pids.limit", heading="LIMIT", fields=("pids.limit",), width=5, rank=4),
    Column(
        key="pids.of_limit",
        heading="%LIM",
        fields=("pids.of_limit",),
        help="tasks in percent of their limit",
        width=4,
        rank=2,
        marks=_SHARE,
    ),
    Column(key="restarts", heading="RST", fields=("restarts",), width=4, marks=Marks(1), rank=2),
    Column(
        key="runtime",
        heading="RUNTIME",
        fields=("runtime",),
        width=10,
        right=False,
        descending=False,
        rank=12,
    ),
    Column(
        key="host",
        heading="HOST",
        fields=("host",),
        width=16,
        right=False,
        descending=False,
        rank=3,
    ),
    Column(
        key="ns",
        heading="NAMESPACE",
        fields=("ns",),
        width=14,
        right=False,
        descending=False,
        rank=3,
    ),
    Column(
        key="pod", heading="POD", fields=("pod",), width=24, right=False, descending=False, rank=4
    ),
    Column(
        key="qos", heading="QOS", fields=("qos",), width=10, right=False, descending=False, rank=5
    ),
    Column(
        key="owner",
        heading="OWNER",
        fields=("owner",),
        width=16,
        right=False,
        descending=False,
        rank=6,
    ),
    Column(
        key="project",
        heading="PROJECT",
        fields=("project",),
        width=14,
        right=False,
        descending=False,
        rank=6,
    ),
    Column(
        key="image",
        heading="IMAGE",
        fields=("image",),
        width=24,
        right=False,
        descending=False,
        rank=11,
        grow=Grow.REST,
    ),
    Column(
        key="trouble",
        heading="TRBL",
        fields=("trouble",),
        width=4,
        rank=9,
        marks=Marks(200, 300),
    ),
    Column(
        key="why",
        heading="WHY",
        fields=("trouble",),
        kind="why",
        help="the worst of what is wrong with it (w: all, with evidence); sorts by trouble",
        width=30,
        right=False,
        grow=Grow.WHY,
    ),
)
BY_KEY: Final = {column.key: column for column in COLUMNS}


@lru_cache(maxsize=256)
def find_column(name: str) -> Column:
    """
    The column of this key; of a field that no column shows, one made for it.

    Raises `selection.fields.NoSuchField`.
    """
    if name in BY_KEY:
        return BY_KEY[name]
    field = find_field(name)
    if field.name in BY_KEY:
        return BY_KEY[field.name]
    text = field.unit is Unit.TEXT
    return Column(
        key=field.name,
        heading=field.name.upper(),
        fields=(field.name,),
        width=max(len(field.name), 14 if text else 6),
        right=not text,
        descending=not text,
        rank=3,
        grow=Grow.REST if text else Grow.NO,
    )
