"""Two Snapshots → Usage: the only place where counters are subtracted.

Promises
    - a cgroup is matched by its inode, never by its path;
    - differences are over `Sample.read_at`, monotonic; wall time is never subtracted for a rate;
    - a counter that fell, or a cgroup without an earlier sample, gives None for that rate, not 0;
    - whatever is None has its reason in `unknown`.

Limits are the cgroup's own, as written. One above the machine's memory stays as it is, and a lower
limit of an ancestor (a pod, a slice) is not looked at: a ratio to the own limit may look harmless
while the pod's limit is what bites.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from typing import Literal, TypeVar

from agent.cgroupfs.pressure import Pressure, Stall
from agent.cgroupfs.reading import Cgroup, CgroupReading
from agent.container.container import Container
from agent.kernelfile import UNLIMITED, Limit, Unlimited
from agent.model import HostSample, Sample, Snapshot
from agent.procfs.net_dev import NetDev
from agent.procfs.stat import CpuTimes
from agent.records import dataclass
from agent.units import seconds

T = TypeVar("T")
State = Literal["running", "paused", "exited"]
LOOPBACK = "lo"
"""Left out of the sums over interfaces: it leaves no machine, and cAdvisor has none of it."""


class Unknown(enum.Enum):
    """Why a field of a Usage is None."""

    DENIED = "denied"
    """The file is there and this process may not read it."""
    UNSUPPORTED = "unsupported"
    """This kernel, cgroup version or cgroup does not have it."""
    PENDING = "pending"
    """The counter is read, but there is no earlier value to subtract: new cgroup, or it fell."""
    INAPPLICABLE = "inapplicable"
    """There is nothing to divide by or to count: no limit, no period in the window, or another
    cgroup answers for the network namespace."""
    DAMAGED = "damaged"
    """The file held something its parser refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What one cgroup used between two Snapshots. None: see `unknown[field]`."""

    sample: Sample
    """The later sample: identity, and the raw counters the rates were made of."""
    unknown: Mapping[str, Unknown]
    """Field name → why it is None. Exactly the fields that are None."""
    window: float | None
    """Seconds between the two samples."""
    started: float | None
    """Unix seconds: the container's start, else when the cgroup was made."""
    state: State | None

    cpu_cores: float | None
    """CPU seconds per second."""
    cpu_limit_cores: float | Literal[Unlimited.UNLIMITED] | None
    cpu_limit_ratio: float | None
    throttled_ratio: float | None
    """Of the CFS periods in the window, how many were throttled."""
    throttled_seconds_per_second: float | None
    """Summed over CPUs, so it may be over 1."""

    memory_working_set: int | None
    """Bytes, see `working_set`."""
    memory_limit: Limit | None
    memory_limit_ratio: float | None
    """Working set / limit."""

    cpu_pressure_some: float | None
    """Pressures: share of the window's wall time in which somebody (full: everybody) waited."""
    cpu_pressure_full: float | None
    memory_pressure_some: float | None
    memory_pressure_full: float | None
    io_pressure_some: float | None
    io_pressure_full: float | None

    receive_bytes_per_second: float | None
    """Network, over all interfaces but the loopback."""
    transmit_bytes_per_second: float | None
    read_bytes_per_second: float | None
    """Block devices, over all of them."""
    write_bytes_per_second: float | None

    pids: int | None
    """Tasks, that is threads."""
    pids_limit: Limit | None
    oom_kills: int | None
    """Processes killed by the OOM killer in the window."""
    oom_kills_total: int | None

    def age(self, wall_time: float) -> float | None:
        """Seconds since its start, at least 0: a clock that was set back may put it after now."""
        return None if self.started is None else max(wall_time - self.started, 0.0)

    @property
    def container(self) -> Container | None:
        """Of the later sample."""
        return self.sample.container

    @property
    def cgroup(self) -> Cgroup:
        """Likewise."""
        return self.sample.cgroup


@dataclass(frozen=True, slots=True, kw_only=True)
class HostUsage:
    """The machine between two Snapshots. None: not readable here, or no earlier Snapshot."""

    cores: int
    uptime: float | None
    """Seconds."""
    cpu_ratio: float | None
    """Of all cores' time, the part not idle; waiting for I/O is idle, stolen time is not."""
    memory_available: int | None
    memory_total: int | None
    cpu_pressure_some: float | None
    cpu_pressure_full: float | None
    memory_pressure_some: float | None
    memory_pressure_full: float | None
    io_pressure_some: float | None
    io_pressure_full: float | None


def usages(before: Snapshot | None, after: Snapshot) -> tuple[Usage, ...]:
    """One Usage for each sample of `after`, in its order. Without `before` every rate is None."""
    earlier = {sample.cgroup.inode: sample for sample in before.samples} if before else {}
    return tuple(
        _usage(earlier.get(sample.cgroup.inode), sample, after.host) for sample in after.samples
    )


def host_usage(before: Snapshot | None, after: Snapshot) -> HostUsage:
    """The machine's usage. Pressures are over the time between the starts of the two ticks."""
    then, now = before.host if before else None, after.host
    window = after.taken_at - before.taken_at if before else 0.0

    def stalled(
        pressure: Callable[[HostSample], Pressure | None],
        kind: Callable[[Pressure], Stall | None],
    ) -> float | None:
        stall = _total(pressure(now), kind)
        earlier = _total(pressure(then), kind) if then else None
        if stall is None or earlier is None or stall < earlier or window <= 0:
            return None
        # Read some way into the tick, which on a busy host is later than in the tick before.
        return min(seconds(stall - earlier) / window, 1.0)

    memory = now.meminfo
    return HostUsage(
        cores=now.cores,
        uptime=max(after.wall_time - now.boot_time, 0.0) if now.boot_time else None,
        cpu_ratio=busy_ratio(then.cpu if then else None, now.cpu),
        memory_available=memory.available if memory else None,
        memory_total=memory.total if memory else None,
        cpu_pressure_some=stalled(lambda host: host.cpu_pressure, _some),
        cpu_pressure_full=stalled(lambda host: host.cpu_pressure, _full),
        memory_pressure_some=stalled(lambda host: host.memory_pressure, _some),
        memory_pressure_full=stalled(lambda host: host.memory_pressure, _full),
        io_pressure_some=stalled(lambda host: host.io_pressure, _some),
        io_pressure_full=stalled(lambda host: host.io_pressure, _full),
    )


def cores_used(before: Sample | None, after: Sample) -> float | None:
    """CPU time per time alone, where a whole Usage would be more than is needed."""
    return _Window(before, after).seconds_per_second("cpu_cores", "cpu_stat", _usage_usec)


def working_set(reading: CgroupReading) -> int | None:
    """
    Memory the kernel cannot drop right away, in bytes: memory.current - inactive_file, at least 0.

    cAdvisor's and the kubelet's definition. It still holds active page cache and reclaimable slab.
    The floor is needed because the two files are read one after the other.
    """
    if reading.memory_current is None or reading.memory_stat is None:
        return None
    if reading.memory_stat.inactive_file is None:
        return None
    return max(0, reading.memory_current - reading.memory_stat.inactive_file)


def _usage(before: Sample | None, after: Sample, host: HostSample) -> Usage:
    window = _Window(before, after)
    cpu_cores = window.seconds_per_second("cpu_cores", "cpu_stat", _usage_usec)
    cpu_limit = _cpu_limit(window)
    memory = _memory_working_set(window, host)
    reading = after.reading
    return Usage(
        sample=after,
        unknown=window.unknown,
        window=window.known("window", window.length, Unknown.PENDING),
        started=window.known(
            "started",
            (after.container and after.container.started) or after.cgroup.created or None,
            Unknown.UNSUPPORTED,
        ),
        state=window.read("state", "cgroup_events", _state(after)),
        cpu_cores=cpu_cores,
        cpu_limit_cores=cpu_limit,
        cpu_limit_ratio=window.share("cpu_limit_ratio", cpu_cores, "cpu_cores", cpu_limit),
        throttled_ratio=_throttled_ratio(window, cpu_limit),
        throttled_seconds_per_second=window.seconds_per_second(
            "throttled_seconds_per_second", "cpu_stat", _throttled_usec
        ),
        memory_working_set=memory,
        memory_limit=window.read("memory_limit", "memory_max", reading.memory_max),
        memory_limit_ratio=window.share(
            "memory_limit_ratio", memory, "memory_working_set", reading.memory_max
        ),
        cpu_pressure_some=window.stalled("cpu_pressure_some", "cpu_pressure", _some),
        cpu_pressure_full=window.stalled("cpu_pressure_full", "cpu_pressure", _full),
        memory_pressure_some=window.stalled("memory_pressure_some", "memory_pressure", _some),
        memory_pressure_full=window.stalled("memory_pressure_full", "memory_pressure", _full),
        io_pressure_some=window.stalled("io_pressure_some", "io_pressure", _some),
        io_pressure_full=window.stalled("io_pressure_full", "io_pressure", _full),
        receive_bytes_per_second=_network(
            window, "receive_bytes_per_second", lambda interface: interface.receive_bytes
        ),
        transmit_bytes_per_second=_network(
            window, "transmit_bytes_per_second", lambda interface: interface.transmit_bytes
        ),
        read_bytes_per_second=_disk(window, "read_bytes_per_second", 0),
        write_bytes_per_second=_disk(window, "write_bytes_per_second", 1),
        pids=window.read("pids", "pids_current", reading.pids_current),
        pids_limit=window.read("pids_limit", "pids_max", reading.pids_max),
        oom_kills=window.increase("oom_kills", "memory_events", _oom_kill),
        oom_kills_total=window.read("oom_kills_total", "memory_events", _oom_kill(reading)),
    )


Counter = Callable[[CgroupReading], int | None]


class _Window:
    """Two samples of one cgroup, and why what cannot be said cannot be said."""

    def __init__(self, before: Sample | None, after: Sample) -> None:
        self.before = before
        self.after = after
        self.unknown: dict[str, Unknown] = {}
        length = after.read_at - before.read_at if before else 0.0
        self.length = length if length > 0 else None

    def known(self, name: str, value: T | None, why: Unknown) -> T | None:
        """`value`; where it is None, note `why`."""
        if value is None:
            self.unknown[name] = why
        return value

    def read(self, name: str, file: str, value: T | None) -> T | None:
        """A value straight from the reading's field `file`."""
        return value if value is not None else self.known(name, None, self.absence(file))

    def absence(self, file: str) -> Unknown:
        """Why `file`, a field of CgroupReading, or a key in it, is not there."""
        reading = self.after.reading
        if file in reading.denied:
            return Unknown.DENIED
        if any(field == file for field, _ in reading.failed):
            return Unknown.DAMAGED
        return Unknown.UNSUPPORTED

    def increase(self, name: str, file: str, counter: Counter) -> int | None:
        """How much `counter` rose."""
        now = counter(self.after.reading)
        if now is None:
            return self.known(name, None, self.absence(file))
        then = counter(self.before.reading) if self.before and self.length else None
        if then is None or now < then:
            return self.known(name, None, Unknown.PENDING)
        return now - then

    def seconds_per_second(self, name: str, file: str, counter: Counter) -> float | None:
        """The rate of a counter of microseconds."""
        usec = self.increase(name, file, counter)
        return None if usec is None or self.length is None else seconds(usec) / self.length

    def stalled(
        self, name: str, file: str, kind: Callable[[Pressure], Stall | None]
    ) -> float | None:
        """The rate of one line of a pressure file."""
        return self.seconds_per_second(
            name, file, lambda reading: _total(getattr(reading, file), kind)
        )

    def share(
        self, name: str, part: float | None, part_name: str, limit: float | Unlimited | None
    ) -> float | None:
        """part / limit. An unlimited or zero limit has no share."""
        if isinstance(limit, Unlimited) or limit == 0:
            return self.known(name, None, Unknown.INAPPLICABLE)
        if limit is None:
            file = "cpu_max" if part_name == "cpu_cores" else "memory_max"
            return self.known(name, None, self.absence(file))
        if part is None:
            return self.known(name, None, self.unknown[part_name])
        return part / limit


def _cpu_limit(window: _Window) -> float | Literal[Unlimited.UNLIMITED] | None:
    limit = window.after.reading.cpu_max
    if limit is None:
        return window.read("cpu_limit_cores", "cpu_max", None)
    cores = limit.cores
    return UNLIMITED if cores is None else cores


def _throttled_ratio(window: _Window, limit: float | Unlimited | None) -> float | None:
    name = "throttled_ratio"
    if isinstance(limit, Unlimited):
        return window.known(name, None, Unknown.INAPPLICABLE)
    periods = window.increase(name, "cpu_stat", _nr_periods)
    throttled = window.increase(name, "cpu_stat", _nr_throttled)
    if periods is None or throttled is None:
        return None
    if periods == 0:
        return window.known(name, None, Unknown.INAPPLICABLE)
    return throttled / periods


def _memory_working_set(window: _Window, host: HostSample) -> int | None:
    name, reading = "memory_working_set", window.after.reading
    if window.after.cgroup.path == "/" and reading.memory_current is None and host.meminfo:
        # cgroup v2's root has no memory.current: what is not available is in use.
        total, available = host.meminfo.total, host.meminfo.available
        if total is not None and available is not None:
            return total - available
    file = "memory_current" if reading.memory_current is None else "memory_stat"
    return window.read(name, file, working_set(reading))


def _network(window: _Window, name: str, counter: Callable[[NetDev], int]) -> float | None:
    before, after = window.before, window.after
    if after.network is None:
        why = Unknown.DENIED if after.network_denied else Unknown.INAPPLICABLE
        return window.known(name, None, why)
    then = {
        interface.interface: counter(interface)
        for interface in (before.network if before and before.network else ())
    }
    if window.length is None or before is None or before.network is None:
        return window.known(name, None, Unknown.PENDING)
    total = 0
    for interface in after.network:
        if interface.interface == LOOPBACK:
            continue
        earlier = then.get(interface.interface)
        now = counter(interface)
        # An interface moved in from another namespace brings its counter along.
        if earlier is None or now < earlier:
            return window.known(name, None, Unknown.PENDING)
        total += now - earlier
    return total / window.length


def _disk(window: _Window, name: str, column: int) -> float | None:
    """Bytes read (column 0) or written (1) per second."""
    now = _disk_bytes(window.after.reading, column)
    if now is None:
        return window.known(name, None, window.absence("io_stat"))
    then = _disk_bytes(window.before.reading, column) if window.before else None
    if then is None or window.length is None:
        return window.known(name, None, Unknown.PENDING)
    total = 0
    for device, count in now.items():
        # A device is listed from its first request on: one that was not there stood at 0.
        earlier = then.get(device, 0)
        if count < earlier:
            return window.known(name, None, Unknown.PENDING)
        total += count - earlier
    return total / window.length


def _disk_bytes(reading: CgroupReading, column: int) -> dict[tuple[int, int], int] | None:
    if reading.io_stat is None:
        return None
    counts = {}
    for device in reading.io_stat:
        count = (device.rbytes, device.wbytes)[column]
        if count is not None:
            counts[device.major, device.minor] = count
    # No device is no request. Devices without this count say nothing, which is not 0.
    return counts if counts or not reading.io_stat else None


def _state(sample: Sample) -> State | None:
    events, reading = sample.reading.cgroup_events, sample.reading
    populated = events.populated if events else None
    if populated is None:
        # cgroup v1 has no cgroup.events; the number of tasks says the same.
        populated = None if reading.pids_current is None else reading.pids_current > 0
    if populated is None:
        return None
    if not populated:
        return "exited"
    return "paused" if events and events.frozen else "running"


def busy_ratio(before: CpuTimes | None, after: CpuTimes | None) -> float | None:
    """Of all cores' time between two readings, the part not idle. None: not told, or it fell."""
    if before is None or after is None:
        return None
    idle = after.idle + after.iowait - before.idle - before.iowait
    busy = sum(after) - sum(before) - idle
    if idle < 0 or busy < 0 or idle + busy == 0:
        return None
    return busy / (idle + busy)


def _total(pressure: Pressure | None, kind: Callable[[Pressure], Stall | None]) -> int | None:
    stall = kind(pressure) if pressure else None
    return stall.total_usec if stall else None


def _some(pressure: Pressure) -> Stall | None:
    return pressure.some


def _full(pressure: Pressure) -> Stall | None:
    return pressure.full


def _usage_usec(reading: CgroupReading) -> int | None:
    return reading.cpu_stat.usage_usec if reading.cpu_stat else None


def _nr_periods(reading: CgroupReading) -> int | None:
    return reading.cpu_stat.nr_periods if reading.cpu_stat else None


def _nr_throttled(reading: CgroupReading) -> int | None:
    return reading.cpu_stat.nr_throttled if reading.cpu_stat else None


def _throttled_usec(reading: CgroupReading) -> int | None:
    return reading.cpu_stat.throttled_usec if reading.cpu_stat else None


def _oom_kill(reading: CgroupReading) -> int | None:
    return reading.memory_events.oom_kill if reading.memory_events else None
