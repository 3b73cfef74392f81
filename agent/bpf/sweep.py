"""The sweep: what every cgroup of a hierarchy has used, by one walk in the kernel.

    with open_sweep(cgroups=300) as sweep:
        records = sweep.read("/sys/fs/cgroup")   # st_ino of the directory -> SweepRecord

    probes/sweep.bpf.c   the walk: iter/cgroup, Linux 6.1 and newer
    probes/sweep.h       the layout, which a test compares with `SweepRecord`

What a record says is what the kernel's counters hold, not yet what the files print: scaling, units
and "no limit" are `agent/sweep.py`'s. Two things a walk does not do:

    it does not flush: cpu.stat's usage is what the last reader of cpu.stat (of this cgroup or one
    above, but not of the root) caused to be summed up
    pressure is summed up by the kernel every two seconds while tasks run, or when a pressure file
    is read

A walk holds cgroup_mutex while it lasts: 0.25 us a cgroup.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Collection
from typing import Final

from agent.bpf import syscall
from agent.bpf.facts import gather
from agent.bpf.loaded import Loaded, close_all
from agent.bpf.loader import load
from agent.bpf.probeset import ProbeSet, Program
from agent.records import NamedTuple

PROGRAMS: Final = ProbeSet(
    name="sweep",
    programs=(
        Program(name="walk_typed", feature="walk", kind="iter", kfuncs=("bpf_rdonly_cast",)),
        Program(name="walk_read", feature="walk", kind="iter"),
    ),
    maps=("records", "walked"),
    per_cgroup={"records": 1},
)
"""Twice the same walk, the better one first. bcc has neither: its fallback are the files."""

HAS_BASE: Final = 1
HAS_PSI: Final = 2
HAS_CPU: Final = 4
HAS_MEMORY: Final = 8
HAS_PIDS: Final = 16
HAS_PIDS_EVENTS: Final = 32
HAS_PEAK: Final = 64


class SweepRecord(NamedTuple):
    """struct sweep_record of probes/sweep.h, in its order and units. `has` says what was read."""

    id: int
    has: int
    usage: int
    user: int
    system: int
    shown_user: int
    shown_system: int
    cpu_some: int
    cpu_full: int
    memory_some: int
    memory_full: int
    io_some: int
    io_full: int
    shares: int
    quota: int
    period: int
    nr_periods: int
    nr_throttled: int
    throttled_time: int
    nr_burst: int
    burst_time: int
    memory: int
    memory_watermark: int
    memory_min: int
    memory_low: int
    memory_high: int
    memory_max: int
    memory_failcnt: int
    swap: int
    swap_max: int
    events_low: int
    events_high: int
    events_max: int
    events_oom: int
    events_oom_kill: int
    events_oom_group_kill: int
    soft_limit: int
    kmem: int
    pids: int
    pids_watermark: int
    pids_limit: int
    pids_events_max: int


RECORD: Final = struct.Struct(f"={len(SweepRecord._fields)}Q")
_RAW: Final = struct.Struct(f"{RECORD.size}s")
WALKED: Final = struct.Struct("=3Q")
"""struct sweep_walked: parts wanted, records written, cgroups there was no room for."""


def decode_records(memory: bytes | memoryview) -> dict[int, SweepRecord]:
    """Decode whole records: kernfs id -> record. Raise struct.error on a part of one."""
    make = SweepRecord._make
    return {fields[0]: make(fields) for fields in RECORD.iter_unpack(memory)}


def decode_record(record: bytes) -> SweepRecord:
    """Decode one. Raise struct.error where it is not whole."""
    return SweepRecord._make(RECORD.unpack(record))


class Records:
    """
    What the last walk of a hierarchy wrote. Most records are what they were a tick before: those
    are only compared, and not decoded.
    """

    def __init__(self) -> None:
        self._memory = b""
        self._ids: list[int] = []
        self._raw: list[bytes] = []
        self._places: dict[int, int] = {}

    def update(self, memory: bytes) -> Collection[int]:
        """
        Take over a walk's records, whole ones: the ids whose record is new, another or gone.

        Raise ValueError on a part of a record.
        """
        if memory == self._memory:
            return ()
        if len(memory) % RECORD.size:
            raise ValueError(f"{len(memory)} bytes are no whole records")
        ids = memoryview(memory).cast("Q")[:: RECORD.size // 8].tolist()
        raw = [record for (record,) in _RAW.iter_unpack(memory)]
        old = self._raw
        self._memory, self._raw = memory, raw
        if ids == self._ids:
            return [i for i, record, was in zip(ids, raw, old, strict=True) if record != was]
        # Cgroups came or went, and all that were walked after them are in another place.
        known = dict(zip(self._ids, old, strict=True))
        self._ids, self._places = ids, dict(zip(ids, range(len(ids)), strict=True))
        changed = [i for i, record in zip(ids, raw, strict=True) if known.pop(i, None) != record]
        return [*changed, *known]

    def get(self, number: int) -> SweepRecord | None:
        """The record of a cgroup, by its kernfs id; None where the walk did not see it."""
        place = self._places.get(number)
        return None if place is None else decode_record(self._raw[place])


class SweepTooSmall(Exception):
    """The hierarchy has more cgroups than the map has room for. `needed`: how many."""

    def __init__(self, needed: int) -> None:
        super().__init__(f"{needed} cgroups are more than the sweep's map has room for")
        self.needed = needed


class Sweep:
    """The loaded walk. Use by one thread; a context manager."""

    def __init__(self, loaded: Loaded) -> None:
        """Take over `loaded`."""
        self._loaded = loaded
        self._links: dict[str, int] = {}
        try:
            self.program = next(p.name for p in PROGRAMS.programs if p.name in loaded.programs)
            records, walked = loaded.maps["records"], loaded.maps["walked"]
            info = syscall.map_info(records)
            if info.value_size != RECORD.size:
                raise RuntimeError(
                    f'map "records" has values of {info.value_size} bytes, not {RECORD.size}:'
                    " object and agent are not of one version"
                )
            self._records = _map(records, info.max_entries * RECORD.size)
            self._walked = _map(walked, WALKED.size)
        except BaseException:  # whatever ends it: nothing stays open, and it is raised on
            loaded.close()
            raise

    def read(self, root: str) -> dict[int, SweepRecord]:
        """`walk`, decoded: st_ino of each directory -> its record."""
        return decode_records(self.walk(root))

    def walk(self, root: str, *, v2: bool = True) -> bytes:
        """
        Walk the hierarchy mounted at `root`: a record of each directory, whose id is its st_ino.

        `v2`: with usage and pressure, which the cgroup2 hierarchy alone has. Raise OSError where
        the kernel refuses, SweepTooSmall where there are too many.
        """
        link = self._links.get(root)
        if link is None:
            link = self._links[root] = self._attach(root)
        self._walked[: WALKED.size] = WALKED.pack(HAS_BASE | HAS_PSI if v2 else 0, 0, 0)
        walk = syscall.create_iterator(link)
        try:
            # Nothing is printed; the read makes the walk, and may be told to come again.
            while os.read(walk, 4096):
                pass
        finally:
            os.close(walk)
        _, count, dropped = WALKED.unpack_from(self._walked)
        if dropped:
            raise SweepTooSmall(count + dropped)
        return self._records[: count * RECORD.size]

    def close(self) -> None:
        """Free all. May be called again."""
        links, self._links = self._links, {}
        close_all(links.values())
        self._loaded.close()

    def _attach(self, root: str) -> int:
        directory = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            return syscall.create_cgroup_walk(self._loaded.programs[self.program], directory)
        finally:
            os.close(directory)

    def __enter__(self) -> Sweep:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_sweep(cgroups: int) -> Sweep:
    """Load the walk for a host of so many cgroups. Raise ProbeUnavailable where it cannot run."""
    facts = gather((), PROGRAMS.kfuncs)
    _, loaded, _ = load(PROGRAMS, "libbpf", facts, cgroups=cgroups)
    return Sweep(loaded)


def _map(fd: int, size: int) -> mmap.mmap:
    return mmap.mmap(fd, -(-size // mmap.PAGESIZE) * mmap.PAGESIZE)
