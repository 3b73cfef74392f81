"""Series of many hosts at several moments → each host's Snapshots.

    look(prometheus, moments, matchers)     host → its Snapshots, oldest first

Rates are over the time between two scrapes (`timestamp()` of one series of each cgroup), not over
that between two questions: a value that was scraped 14 s ago is 14 s old.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from agent.fleet.filesystem import METRICS as FILESYSTEM
from agent.fleet.filesystem import filesystem_of
from agent.fleet.lifetimes import METRICS as LIFETIMES
from agent.fleet.lifetimes import lifetimes_of
from agent.fleet.prometheus import Prometheus, Series
from agent.fleet.sample import METRICS, CgroupSeries, sample_of
from agent.model import HostSample, Sample, Snapshot, SourceHealth
from agent.procfs.meminfo import Meminfo
from agent.procfs.stat import CpuTimes
from agent.records import replace

HOST_LABELS: Final = ("node", "instance")
"""Which label says the host: the first that a series has. Prometheus gives `instance` to all;
Kubernetes' usual configurations add `node`."""
_MACHINE: Final = ("machine_cpu_cores", "machine_memory_bytes")
_CLOCK: Final = "container_cpu_usage_seconds_total"
_TICKS: Final = 100
"""A second, in CpuTimes."""


def host_of(labels: Mapping[str, str]) -> str:
    """The host that a series is of; "" where it has no such label."""
    for label in HOST_LABELS:
        if labels.get(label):
            return labels[label]
    return ""


def look(
    prometheus: Prometheus, moments: Sequence[float], matchers: str = ""
) -> dict[str, tuple[Snapshot, ...]]:
    """
    Ask for each moment (Unix seconds, rising). `matchers`: 'cluster="a"', put into every selector.

    A host without machine_cpu_cores is left out: no page of ours, cAdvisor's or the kubelet's is
    without. Raises CannotAsk.
    """
    found: dict[str, list[Snapshot]] = defaultdict(list)
    for at in moments:
        start = time.monotonic()
        names = "|".join((*METRICS, *FILESYSTEM, *_MACHINE, *LIFETIMES))
        selector = f'__name__=~"{names}"' + (f",{matchers}" if matchers else "")
        series = prometheus.query(f"{{{selector}}}", at)
        clock = prometheus.query(f"timestamp({_CLOCK}{{{matchers}}})", at)
        took = time.monotonic() - start
        for host, snapshot in _snapshots(series, clock, at, took).items():
            earlier = found[host][-1] if found[host] else None
            found[host].append(replace(snapshot, host=_with_idle(snapshot, earlier)))
    return {host: tuple(taken) for host, taken in sorted(found.items())}


def _snapshots(
    series: Sequence[Series], clock: Sequence[Series], at: float, took: float
) -> dict[str, Snapshot]:
    times: dict[tuple[str, str], float] = {}
    for one in clock:
        times[host_of(one.labels), one.labels.get("id", "")] = one.value
    by_host: dict[str, list[Series]] = defaultdict(list)
    for one in series:
        by_host[host_of(one.labels)].append(one)
    snapshots = {}
    for host, own in by_host.items():
        snapshot = _snapshot(host, own, times, at, took)
        if snapshot is not None:
            snapshots[host] = snapshot
    return snapshots


def _snapshot(
    host: str,
    series: Sequence[Series],
    times: Mapping[tuple[str, str], float],
    at: float,
    took: float,
) -> Snapshot | None:
    machine = CgroupSeries(one for one in series if one.labels.get("__name__") in _MACHINE)
    cores = machine.whole("machine_cpu_cores")
    if not cores:
        return None
    cgroups: dict[str, list[Series]] = defaultdict(list)
    for one in series:
        if "id" in one.labels:
            cgroups[one.labels["id"]].append(one)
    samples = tuple(
        sample_of(host, _who(own), CgroupSeries(own), times.get((host, path), at))
        for path, own in sorted(cgroups.items())
        if path != "/"
    )
    root = CgroupSeries(cgroups.get("/", ()))
    samples = tuple(
        replace(sample, filesystem=filesystem_of(CgroupSeries(cgroups[sample.cgroup.path]), root))
        for sample in samples
    )
    scraped = times.get((host, "/"), at)
    return Snapshot(
        taken_at=scraped,
        wall_time=at,
        late=0.0,
        host=_host(machine, sample_of(host, {"id": "/"}, root, scraped), cores),
        samples=samples,
        health=(SourceHealth("prometheus", took, 0),),
        device_names={},
        lifetimes=lifetimes_of(series, samples, at),
    )


def _who(series: Sequence[Series]) -> Mapping[str, str]:
    """The labels of the series that says the most of who it is."""
    return max(
        (one.labels for one in series),
        key=lambda labels: sum(
            bool(labels.get(label)) for label in ("container", "image", "name", "pod")
        ),
    )


def _host(machine: CgroupSeries, root: Sample, cores: int) -> HostSample:
    reading = root.reading
    usage = reading.cpu_stat.usage_usec if reading.cpu_stat else None
    total = machine.whole("machine_memory_bytes")
    used = None
    if reading.memory_current is not None and reading.memory_stat is not None:
        used = reading.memory_current - (reading.memory_stat.inactive_file or 0)
    cpu = None
    if usage is not None:
        cpu = CpuTimes(round(usage / 1e6 * _TICKS), 0, 0, 0, 0, 0, 0, 0)
    return HostSample(
        cores=cores,
        boot_time=root.cgroup.created,
        cpu=cpu,
        meminfo=Meminfo(
            total=total,
            free=None,
            available=None if total is None or used is None else max(total - used, 0),
            cached=None,
            swap_total=None,
            swap_free=None,
        ),
        network=None,
        cpu_pressure=reading.cpu_pressure,
        memory_pressure=reading.memory_pressure,
        io_pressure=reading.io_pressure,
    )


def _with_idle(snapshot: Snapshot, earlier: Snapshot | None) -> HostSample:
    """
    What was not used of the time between two scrapes was idle: the page does not say it.

    A scrape's time is off by some ms, so that a host that was busy all the time can have used more
    than there was: then it was not idle at all.
    """
    host = snapshot.host
    if host.cpu is None or earlier is None or earlier.host.cpu is None:
        return host
    there_was = (snapshot.taken_at - earlier.taken_at) * host.cores * _TICKS
    used = host.cpu.user - earlier.host.cpu.user
    idle = earlier.host.cpu.idle + max(round(there_was) - used, 0)
    return replace(host, cpu=host.cpu._replace(idle=idle))
