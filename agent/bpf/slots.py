"""Counters by cgroup in a pair of arrays: the reading side of probes/slots.h.

    owners  which cgroup each place belongs to: one bpf(2) call reads them all
    slots   per-CPU counters of a place: one bpf(2) call for each place that is taken

A cgroup that is gone keeps its place until `free`: the kernel's program takes a place only where
the owner is 0, so whatever id is used again, two cgroups are never added up. One cgroup may have
two places, where one nearer to its first became free: it is the sum of them.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterable
from typing import Final

from agent.bpf import syscall
from agent.bpf.decode import UnexpectedRecord
from agent.bpf.probe import Maps

SLOTS: Final = 1024
TRIES: Final = 8
MAPS: Final = ("owners", "claims", "slots", "drops")
"""What probes/slots.bpf.h brings along."""
_OWNER: Final = struct.Struct("=Q")
_PLACE: Final = struct.Struct("=I")
_MULTIPLIER: Final = 0x9E3779B97F4A7C15


def first_place(cgroup: int) -> int:
    """Where the kernel's program looks first for a cgroup."""
    return (cgroup * _MULTIPLIER & (1 << 64) - 1) >> 54


def decode_owners(batches: Iterable[tuple[bytes, bytes]]) -> dict[int, int]:
    """Place -> cgroup id, of the places that are taken."""
    owners: dict[int, int] = {}
    for keys, values in batches:
        if len(keys) % _PLACE.size or len(values) != len(keys) // _PLACE.size * _OWNER.size:
            raise UnexpectedRecord(f"{len(keys)} bytes of keys, {len(values)} bytes of values")
        for (place,), (cgroup,) in zip(
            _PLACE.iter_unpack(keys), _OWNER.iter_unpack(values), strict=True
        ):
            if cgroup:
                owners[place] = cgroup
    return owners


def sum_cpus(values: bytes, size: int) -> tuple[int, ...]:
    """
    Add up the CPUs' values of one place, counter by counter.

    `values`: a value of `size` bytes, all __u64, for each possible CPU.
    """
    if size <= 0 or size % 8 or not values or len(values) % size:
        raise UnexpectedRecord(f"a per-CPU value of {len(values)} bytes, not of {size} a CPU")
    counters = struct.unpack(f"={len(values) // 8}Q", values)
    width = size // 8
    cpus = (counters[i : i + width] for i in range(0, len(counters), width))
    return tuple(map(sum, zip(*cpus, strict=True)))


def read_slots(maps: Maps, size: int) -> dict[int, tuple[int, ...]]:
    """Cgroup id -> its counters, of `size` bytes. Only cgroups that took a place."""
    counters: dict[int, tuple[int, ...]] = {}
    for place, cgroup in _taken(maps).items():
        here = sum_cpus(maps.cpu_value("slots", place), size)
        other = counters.get(cgroup)
        counters[cgroup] = here if other is None else tuple(map(int.__add__, here, other))
    return counters


def free_slots(maps: Maps, gone: Collection[int]) -> None:
    """
    Give back the places of cgroups that are gone: no process is in them, so none counts.

    The counters first and the claim last, so that who takes the place next starts from 0.
    """
    size = 0
    for place, cgroup in _taken(maps).items():
        if cgroup in gone:
            key = _PLACE.pack(place)
            size = size or len(maps.cpu_value("slots", place))
            syscall.update(maps.fd("slots"), key, bytes(size))
            syscall.update(maps.fd("owners"), key, _OWNER.pack(0))
            syscall.delete(maps.fd("claims"), key)


def _taken(maps: Maps) -> dict[int, int]:
    return decode_owners(maps.batches("owners"))
