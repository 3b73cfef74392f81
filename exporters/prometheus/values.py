"""What the catalogue's metrics read from a Sample, and the series they make of it.

`Value` functions return one number or None (this host did not say: no series). `Series` functions
yield (labels, number) pairs, for metrics with labels beside the base ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal

from agent import units
from agent.cgroupfs.io import IoStat
from agent.kernelfile import UNLIMITED, Limit
from agent.model import Sample, Snapshot
from agent.procfs.net_dev import NetDev

Number = int | float
Labels = tuple[tuple[str, str], ...]
"""(name, value) pairs."""
Value = Callable[[Sample], Number | None]
Series = Callable[[Sample, Snapshot], Iterable[tuple[Labels, Number | None]]]

_HOSTS_OWN = ("lo", "veth", "docker", "nerdctl")
"""Prefixes of interfaces cAdvisor leaves out: loopback, and the host's ends of the containers'."""


def one(value: Value, labels: Labels = ()) -> Series:
    """One series."""
    return lambda sample, _: ((labels, value(sample)),)


def field(name: str) -> Value:
    """A number of the reading itself: "memory_current"."""
    return lambda sample: getattr(sample.reading, name)


def key(file: str, name: str) -> Value:
    """A key of one of the reading's files: "cpu_stat", "nr_periods"."""

    def value(sample: Sample) -> Number | None:
        parsed = getattr(sample.reading, file)
        return None if parsed is None else getattr(parsed, name)

    return value


def seconds(usec: Value) -> Value:
    """Microseconds to seconds."""

    def value(sample: Sample) -> Number | None:
        number = usec(sample)
        return None if number is None else units.seconds(int(number))

    return value


def limit(name: str) -> Value:
    """A limit of the reading; 0 is cAdvisor's way to say "no limit"."""

    def value(sample: Sample) -> Number | None:
        number: Limit | None = getattr(sample.reading, name)
        return 0 if number is UNLIMITED else number

    return value


def with_quota(value: Value) -> Value:
    """cAdvisor has the bandwidth counters only where a quota is set."""

    def when_limited(sample: Sample) -> Number | None:
        return None if quota(sample) is None else value(sample)

    return when_limited


def quota(sample: Sample) -> int | None:
    """CPU time allowed in each period, in microseconds; None without a limit."""
    cpu_max = sample.reading.cpu_max
    return None if cpu_max is None or cpu_max.quota_usec is UNLIMITED else cpu_max.quota_usec


def shares(sample: Sample) -> int | None:
    """v1's cpu.shares; on v2 cAdvisor's linear inverse of the first OCI mapping to cpu.weight."""
    reading = sample.reading
    if reading.cpu_shares is not None:
        return reading.cpu_shares
    if reading.cpu_weight is None:
        return None
    return 2 + (reading.cpu_weight - 1) * 262142 // 9999


def memory_usage(sample: Sample) -> int | None:
    """memory.current; the v2 root has no such file, there anon + file as cAdvisor does."""
    if sample.reading.memory_current is not None:
        return sample.reading.memory_current
    stat = sample.reading.memory_stat
    if sample.cgroup.path != "/" or stat is None or stat.anon is None or stat.file is None:
        return None
    return stat.anon + stat.file


def memory_working_set(sample: Sample) -> int | None:
    """Usage less the file pages that were not used of late; what the kubelet evicts by."""
    usage, stat = memory_usage(sample), sample.reading.memory_stat
    if usage is None or stat is None or stat.inactive_file is None:
        return None
    return max(0, usage - stat.inactive_file)


def memory_failures(sample: Sample, _: Snapshot) -> Iterable[tuple[Labels, Number | None]]:
    """Page faults. The counts hold the cgroups below, so both of cAdvisor's scopes are equal."""
    stat = sample.reading.memory_stat
    if stat is None:
        return
    for kind, count in (("pgfault", stat.pgfault), ("pgmajfault", stat.pgmajfault)):
        for scope in ("container", "hierarchy"):
            yield (("failure_type", kind), ("scope", scope)), count


def stalled(resource: str, line: Literal["some", "full"]) -> Value:
    """A pressure file's total, in seconds."""

    def value(sample: Sample) -> Number | None:
        pressure = getattr(sample.reading, f"{resource}_pressure")
        stall = None if pressure is None else getattr(pressure, line)
        return None if stall is None else units.seconds(stall.total_usec)

    return value


def by_device(get: Callable[[IoStat], int | None]) -> Series:
    """A counter of io.stat for each device."""

    def series(sample: Sample, snapshot: Snapshot) -> Iterable[tuple[Labels, Number | None]]:
        # A device the kernel has no name for is "" as in cAdvisor; two of them would be the same
        # series, so only the first is told.
        seen: set[str] = set()
        for io in sample.reading.io_stat or ():
            device = snapshot.device_names.get((io.major, io.minor), "")
            if device not in seen:
                seen.add(device)
                yield (("device", device),), get(io)

    return series


def by_interface(get: Callable[[NetDev], int]) -> Series:
    """A counter of net/dev for each interface a container would call its own."""

    def series(sample: Sample, _: Snapshot) -> Iterable[tuple[Labels, Number | None]]:
        for net in sample.network or ():
            if not net.interface.startswith(_HOSTS_OWN):
                yield (("interface", net.interface),), get(net)

    return series


def execs(sample: Sample) -> int | None:
    """Programs started, as the lifecycle probe counts them."""
    return None if sample.lifecycle is None else sample.lifecycle.execs


def oom_victims(sample: Sample) -> int | None:
    """Processes the OOM killer chose in this very cgroup, whoever's limit made it run."""
    return None if sample.lifecycle is None else sample.lifecycle.oom_kills


def exits(sample: Sample, _: Snapshot) -> Iterable[tuple[Labels, Number | None]]:
    """Ended processes by exit code."""
    if sample.lifecycle is not None:
        for code, count in sorted((sample.lifecycle.exits or {}).items()):
            yield (("code", str(code)),), count


def fatal_signals(sample: Sample, _: Snapshot) -> Iterable[tuple[Labels, Number | None]]:
    """Processes ended by a signal, by its number."""
    if sample.lifecycle is not None:
        for number, count in sorted((sample.lifecycle.signals or {}).items()):
            yield (("signal", str(number)),), count


def started(sample: Sample) -> float:
    """Unix seconds: what the runtime says, else when the cgroup was made."""
    container = sample.container
    if container is not None and container.started is not None:
        return container.started
    return sample.cgroup.created


def last_seen(_: Sample, snapshot: Snapshot) -> Iterable[tuple[Labels, Number | None]]:
    """Unix seconds of this reading."""
    yield (), int(snapshot.wall_time)


def info(sample: Sample, _: Snapshot) -> Iterable[tuple[Labels, Number | None]]:
    """1, with what the base labels leave out; nothing for what is not a container."""
    container = sample.container
    if container is not None and container.id:
        yield (
            (
                ("runtime", container.runtime),
                ("image_id", container.image_id),
                ("pod_uid", container.pod_uid),
                ("kind", container.kind.value),
            ),
            1,
        )
