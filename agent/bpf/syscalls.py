"""The probes "syscalls" (how many, by class) and "syscall_times" (each by number, with times).

    probes/syscalls.bpf.c       +15 ns a call beside the 29 ns any program there costs
    probes/syscall_times.bpf.c  three times as much: for windows and `agent trace`

Both are loaded and left detached: rounds.py opens their windows.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Collection
from typing import Final

from agent.bpf import slots, syscall
from agent.bpf.probe import Kind, Maps
from agent.bpf.probeset import ProbeSet, Program
from agent.bpf.reading import Reading
from agent.bpf.syscall_counts import (
    COUNTS_SETTINGS,
    COUNTS_SIZE,
    ERRORS,
    KEY,
    SETTINGS,
    TIMES,
    SyscallCounts,
    SyscallTimes,
    decode_classes,
    decode_times,
)
from agent.bpf.syscall_names import class_table

_FIRST: Final = bytes(4)
"""The only key of an array of one."""


def _prepare_counts(maps: Maps) -> None:
    settings = COUNTS_SETTINGS.pack(class_table(), slots.places_of(maps))
    syscall.update(maps.fd("settings"), _FIRST, settings)


def _read_counts(maps: Maps) -> Reading[SyscallCounts]:
    counters = slots.read_slots(maps, COUNTS_SIZE)
    return Reading(
        {cgroup: SyscallCounts(decode_classes(each)) for cgroup, each in counters.items()},
        SyscallCounts(),
        {"slots": maps.total("drops")},
    )


def _prepare_times(maps: Maps) -> None:
    """Say when the window opens. Whose calls are looked at stays as it is."""
    _write_settings(maps, targets_only=_targets_only(maps))


def _targets_only(maps: Maps) -> bool:
    value = syscall.lookup(maps.fd("settings"), _FIRST, SETTINGS.size)
    return value is not None and bool(SETTINGS.unpack(value)[1])


def _write_settings(maps: Maps, *, targets_only: bool) -> None:
    # CLOCK_MONOTONIC, as bpf_ktime_get_ns.
    value = SETTINGS.pack(time.monotonic_ns(), int(targets_only))
    syscall.update(maps.fd("settings"), _FIRST, value)


def look_only_at(maps: Maps, cgroups: Collection[int]) -> None:
    """Have "syscall_times" count these cgroups and no other; more are added by calling it again."""
    for cgroup in cgroups:
        syscall.update(maps.fd("targets"), cgroup.to_bytes(8, sys.byteorder), bytes(4))
    _write_settings(maps, targets_only=True)


def _read_times(maps: Maps) -> Reading[SyscallTimes]:
    cgroups = decode_times(maps.batches("times"), maps.batches("errors"))
    return Reading(
        {cgroup: SyscallTimes(calls) for cgroup, calls in cgroups.items()},
        SyscallTimes(),
        {"times": maps.total("drops", 0), "errors": maps.total("drops", 1)},
    )


def _forget_times(maps: Maps, ids: Collection[int]) -> None:
    maps.delete_cgroups("times", ids)
    maps.delete_cgroups("errors", ids)


SYSCALLS: Final = Kind(
    programs=ProbeSet(
        name="syscalls",
        programs=(Program(name="on_syscall", feature="syscalls", tracepoint="sys_exit"),),
        maps=(*slots.MAPS, "settings"),
        per_cgroup={"slots": 1},
        per_cpu=frozenset({"slots"}),
    ),
    counts=SyscallCounts,
    read=_read_counts,
    forget=slots.free_slots,
    layout={"slots": (4, 8 + COUNTS_SIZE), "settings": (4, COUNTS_SETTINGS.size)},
    prepare=_prepare_counts,
    windowed=True,
    cost=lambda counts: 50e-9 * sum(each.calls for each in counts.classes.values()),
)

SYSCALL_TIMES: Final = Kind(
    programs=ProbeSet(
        name="syscall_times",
        programs=(
            Program(name="on_enter", feature="syscall_times", tracepoint="sys_enter"),
            Program(name="on_leave", feature="syscall_times", tracepoint="sys_exit"),
        ),
        maps=("drops", "times", "errors", "entered", "targets", "settings", "empty"),
        per_cgroup={"times": 8, "errors": 4},
    ),
    counts=SyscallTimes,
    read=_read_times,
    forget=_forget_times,
    layout={
        "times": (KEY.size, TIMES.size),
        "errors": (KEY.size, ERRORS.size),
        "settings": (4, SETTINGS.size),
    },
    prepare=_prepare_times,
    windowed=True,
    cost=lambda counts: 220e-9 * sum(each.calls for each in counts.calls.values()),
    default=False,
)
