"""Who takes the CPU from a container that waits for it: two seconds of the probe "sched"."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Final, Literal

from agent.bpf.facts import gather
from agent.bpf.loader import ProbeUnavailable, open_probe
from agent.bpf.reading import Reading
from agent.bpf.sched import SCHED
from agent.bpf.sched_counts import SchedCounts
from agent.cgroupfs.ids import ids_below
from agent.trace.sched import Scheduling, since, together

_SECONDS: Final = 2.0


class NoProbe(Exception):
    """The probe cannot run here; says why."""


def takers(
    directories: Sequence[str], names: Mapping[int, str], loader: Literal["auto", "libbpf", "bcc"]
) -> list[Scheduling]:
    """
    What happened to each of the containers, by its cgroup's directory in the cgroup2 hierarchy.

    `names`: cgroup id → whose it is, of all cgroups. Raises NoProbe.
    """
    cgroups = [ids_below(directory) for directory in directories]

    def now(reading: Reading[SchedCounts]) -> list[Scheduling]:
        return [together({one: reading.of(one) for one in ids}, names) for ids in cgroups]

    facts = gather(SCHED.programs.tracepoints, SCHED.programs.kfuncs)
    try:
        probe = open_probe(SCHED, loader, facts)
    except ProbeUnavailable as error:
        raise NoProbe(error.reason) from error
    with probe:
        if reason := "; ".join(probe.off.values()):
            raise NoProbe(reason)
        before = now(probe.read())
        try:
            probe.attach()
        except OSError as error:
            raise NoProbe(f"cannot be attached: {error.strerror}") from error
        try:
            time.sleep(_SECONDS)
        finally:
            probe.detach()
        after = now(probe.read())
    return [since(new, old) for new, old in zip(after, before, strict=True)]
