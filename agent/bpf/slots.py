"""Counters by cgroup in one array, a part for each CPU: the reading side of probes/slots.h.

Userspace maps the array, so that a reading is no bpf(2) call: it looks at whom each place belongs
to and adds up what the CPUs counted for one cgroup.

A cgroup that is gone keeps its places until `free_slots`: the kernel's program takes a place only
where the owner is 0, so whatever id is used again, two cgroups are never added up. One cgroup may
have two places of a CPU, where one nearer to its first became free: it is the sum of them.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Final

from agent.bpf import syscall
from agent.bpf.cpus import cpu_ids
from agent.bpf.probe import Maps

MAPS: Final = ("drops", "slots")
"""What probes/slots.bpf.h brings along."""
_WORD: Final = 8
_PLACE: Final = struct.Struct("=I")


def places_of(maps: Maps) -> int:
    """How many places each CPU has: a program is told so before it is attached."""
    return syscall.map_info(maps.fd("slots")).max_entries // cpu_ids()


def decode_slots(words: memoryview, size: int) -> dict[int, tuple[int, ...]]:
    """
    Cgroup id -> its counters, added up. Only cgroups that took a place.

    `words`: slots one after the other, as unsigned words of 8 bytes; a slot is its owner's id and
    `size` bytes of counters.
    """
    width = 1 + size // _WORD
    counters: dict[int, tuple[int, ...]] = {}
    for place, cgroup in _taken(words, width):
        here = tuple(words[place * width + 1 : (place + 1) * width])
        other = counters.get(cgroup)
        counters[cgroup] = here if other is None else tuple(map(int.__add__, here, other))
    return counters


def read_slots(maps: Maps, size: int) -> dict[int, tuple[int, ...]]:
    """Cgroup id -> its counters, of `size` bytes. Only cgroups that took a place."""
    with _mapped(maps) as words:
        return decode_slots(words, size)


def free_slots(maps: Maps, gone: Collection[int]) -> None:
    """
    Give back the places of cgroups that are gone: no process is in them, so none counts.

    The counters first and the owner last, so that whoever takes the place next starts from 0.
    """
    width = syscall.map_info(maps.fd("slots")).value_size // _WORD
    with _mapped(maps) as words:
        freed = [(place, cgroup) for place, cgroup in _taken(words, width) if cgroup in gone]
    for place, cgroup in freed:
        for owner in (cgroup, 0):
            value = struct.pack(f"={width}Q", owner, *[0] * (width - 1))
            syscall.update(maps.fd("slots"), _PLACE.pack(place), value)


def _taken(words: memoryview, width: int) -> Iterator[tuple[int, int]]:
    """(place, owner) of the places that are taken."""
    owners = words[::width].tolist()
    return ((place, owner) for place, owner in enumerate(owners) if owner)


@contextmanager
def _mapped(maps: Maps) -> Iterator[memoryview]:
    """The array as it is now, as words."""
    info = syscall.map_info(maps.fd("slots"))
    size = info.max_entries * info.value_size
    whole = -(-size // mmap.PAGESIZE) * mmap.PAGESIZE
    with (
        mmap.mmap(maps.fd("slots"), whole, prot=mmap.PROT_READ) as memory,
        memoryview(memory) as view,
        view[:size] as slots,
        slots.cast("Q") as words,
    ):
        yield words
