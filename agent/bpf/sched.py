"""The probe "sched": waits for a CPU, who took it from whom, and sleeps by reason.

    probes/sched.bpf.c  0.2 us a switch; for windows and `agent trace`

Loaded and left detached: rounds.py opens its windows.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import Final

from agent.bpf import slots, syscall
from agent.bpf.probe import Kind, Maps
from agent.bpf.probeset import ProbeSet, Program
from agent.bpf.reading import Reading
from agent.bpf.sched_counts import (
    COUNT,
    COUNTS_SIZE,
    NO_SCHED,
    PREEMPTION,
    SETTINGS,
    SchedCounts,
    decode_counts,
    decode_preemptions,
)


def _prepare(maps: Maps) -> None:
    # CLOCK_MONOTONIC, as bpf_ktime_get_ns.
    settings = SETTINGS.pack(time.monotonic_ns(), slots.places_of(maps))
    syscall.update(maps.fd("settings"), bytes(4), settings)


def _read(maps: Maps) -> Reading[SchedCounts]:
    takers: dict[int, dict[int, int]] = {}
    for (victim, taker), count in decode_preemptions(maps.batches("preempted")).items():
        takers.setdefault(victim, {})[taker] = count
    counters = slots.read_slots(maps, COUNTS_SIZE)
    return Reading(
        {cgroup: decode_counts(each, takers.get(cgroup, {})) for cgroup, each in counters.items()},
        NO_SCHED,
        {"slots": maps.total("drops", 0), "preempted": maps.total("drops", 1)},
    )


def _forget(maps: Maps, ids: Collection[int]) -> None:
    slots.free_slots(maps, ids)
    maps.delete("preempted", lambda key: any(cgroup in ids for cgroup in PREEMPTION.unpack(key)))


SCHED: Final = Kind(
    programs=ProbeSet(
        name="sched",
        programs=(Program(name="on_switch", feature="sched", tracepoint="sched_switch"),),
        maps=(*slots.MAPS, "preempted", "sleepers", "settings"),
        per_cgroup={"slots": 1, "preempted": 8},
        per_cpu=frozenset({"slots"}),
    ),
    counts=SchedCounts,
    read=_read,
    forget=_forget,
    layout={
        "slots": (4, 8 + COUNTS_SIZE),
        "settings": (4, SETTINGS.size),
        "preempted": (PREEMPTION.size, COUNT.size),
    },
    prepare=_prepare,
    windowed=True,
    cost=lambda counts: 250e-9 * sum(counts.waits),
)
