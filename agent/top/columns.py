"""The columns there are. Which of them are shown: `sets.py`, or the person's own choice."""

from __future__ import annotations

from functools import lru_cache
from typing import Final, Literal

from agent.selection.field import Unit
from agent.selection.fields import find_field
from agent.top.column import UNMARKED, Column, Grow, Marks
from agent.top.trend import STEPS

SHARE: Final = Marks(0.7, 0.9)
"""For the share in use of a limit or of the machine, as ctop and k9s have it."""
STALL: Final = Marks(0.1, 0.4)
"""For the share of time in which something waited."""


def _column(
    key: str, heading: str, width: int, rank: int, text: str = "", marks: Marks = UNMARKED
) -> Column:
    """A number of one field, which is called like the column. `text`: instead of its help."""
    return Column(
        key=key, heading=heading, fields=(key,), width=width, rank=rank, help=text, marks=marks
    )


def _words(key: str, heading: str, width: int, rank: int, grow: Grow = Grow.NO) -> Column:
    """Text of one field, from A to Z."""
    return Column(
        key=key,
        heading=heading,
        fields=(key,),
        width=width,
        rank=rank,
        right=False,
        descending=False,
        grow=grow,
    )


def _pair(key: str, heading: str, fields: tuple[str, str], text: str, rank: int) -> Column:
    """Two rates; sorts by their sum."""
    return Column(
        key=key, heading=heading, fields=fields, width=9, help=text, order=fields, rank=rank
    )


def _waits(resource: str, what: str) -> Column:
    """Pressure of one resource, of some tasks and of all."""
    return Column(
        key=f"psi.{resource}",
        heading="PSI some/full",
        fields=(f"psi.{resource}", f"psi.{resource}.full"),
        help=f"time some / all tasks waited for {what}, in percent",
        width=13,
        part_width=3,
        rank=2,
        marks=STALL,
    )


def _trend(
    key: str, heading: str, field: str, kind: Literal["cpu-trend", "memory-trend"], what: str
) -> Column:
    return Column(
        key=key,
        heading=heading,
        fields=(field,),
        kind=kind,
        help=f"{what} of the last minute, of its limit, else of its own most; sorts by {what}",
        width=STEPS,
        right=False,
        rank=6,
    )


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
    _column("cpu", "CPU", 5, 0),
    _column("cpu.of_limit", "%LIM", 4, 1, "CPU used in percent of its own limit", SHARE),
    _column("cpu.of_request", "%REQ", 4, 3, "CPU used in percent of its request (Kubernetes)"),
    _column("cpu.of_host", "%HOST", 5, 4, "CPU used in percent of all the host's cores", SHARE),
    _column(
        "cpu.throttled",
        "THR%",
        4,
        2,
        "scheduling periods in which the CPU limit stopped it, in percent",
        Marks(0.05, 0.25),
    ),
    _column("cpu.withheld", "HELD", 5, 3, marks=Marks(0.05, 1.0)),
    _column("cpu.limit", "LIMIT", 5, 3),
    _column("cpu.request", "REQ", 5, 4),
    _trend("cpu.trend", "CPU 60s", "cpu", "cpu-trend", "CPU"),
    _column(
        "mem",
        "MEM",
        5,
        0,
        "memory it cannot do without right away (working set); K, M, G are powers of 1024",
    ),
    _column("mem.of_limit", "%LIM", 4, 1, "memory in percent of its own limit", SHARE),
    _column("mem.of_request", "%REQ", 4, 3, "memory in percent of its request (Kubernetes)"),
    _column("mem.of_host", "%HOST", 5, 4, "memory in percent of the host's", SHARE),
    _column("mem.limit", "LIMIT", 5, 3),
    _column("mem.request", "REQ", 5, 4),
    _trend("mem.trend", "MEM 60s", "mem", "memory-trend", "memory"),
    _column("mem.anon", "ANON", 5, 3),
    _column("mem.file", "CACHE", 5, 3),
    _column("mem.swap", "SWAP", 5, 4, marks=Marks(1)),
    _column("oom", "OOM", 4, 2, marks=Marks(1, 1)),
    Column(
        key="psi",
        heading="PSI c/m/i",
        fields=("psi.cpu", "psi.mem", "psi.io"),
        help="time some task waited for CPU / memory / I/O, in percent",
        width=11,
        part_width=2,
        rank=7,
        marks=STALL,
    ),
    _waits("cpu", "a CPU"),
    _waits("mem", "memory"),
    _waits("io", "I/O"),
    _pair(
        "net",
        "RX/TX",
        ("net.rx", "net.tx"),
        "bytes per second received / sent, without loopback; sorts by the sum",
        8,
    ),
    _column("net.rx", "RX/s", 5, 0),
    _column("net.tx", "TX/s", 5, 0),
    _pair(
        "disk",
        "RD/WR",
        ("disk.read", "disk.write"),
        "bytes per second read / written on block devices; sorts by the sum",
        9,
    ),
    _column("disk.read", "READ/s", 6, 0),
    _column("disk.write", "WRITE/s", 7, 0),
    _column("pids", "PIDS", 5, 10),
    _column("pids.limit", "LIMIT", 5, 4),
    _column("pids.of_limit", "%LIM", 4, 2, "tasks in percent of their limit", SHARE),
    _column("restarts", "RST", 4, 2, marks=Marks(1)),
    _words("runtime", "RUNTIME", 10, 12),
    _words("host", "HOST", 16, 3),
    _words("ns", "NAMESPACE", 14, 3),
    _words("pod", "POD", 24, 4),
    _words("qos", "QOS", 10, 5),
    _words("owner", "OWNER", 16, 6),
    _words("project", "PROJECT", 14, 6),
    _words("image", "IMAGE", 24, 11, Grow.REST),
    _column("trouble", "TRBL", 4, 9, marks=Marks(200, 300)),
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
