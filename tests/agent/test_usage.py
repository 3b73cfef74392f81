"""Usage: what is subtracted, and what is refused to be."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.cgroupfs.cpu import CpuMax, CpuStat
from agent.cgroupfs.io import IoStat
from agent.cgroupfs.reading import CgroupReading
from agent.kernelfile import UNLIMITED
from agent.model import HostSample, Sample
from agent.procfs.stat import CpuTimes
from agent.usage import HostUsage, Unknown, Usage, host_usage, usages, working_set
from tests.agent.snapshots import MIB, WALL, docker, host, interface, reading, sample, snapshot

TWO_CORES = CpuMax(200_000, 100_000)


def use(before: Sample, after: Sample) -> Usage:
    (usage,) = usages(snapshot(before, at=0.0), snapshot(after, at=after.read_at))
    return usage


def between(before: CgroupReading, after: CgroupReading, seconds: float = 2.0) -> Usage:
    return use(sample(before, at=10.0), sample(after, at=10.0 + seconds))


def test_cpu_is_cores_over_the_monotonic_window_and_a_share_of_the_own_limit() -> None:
    usage = between(
        reading(usage_usec=1_000_000, cpu_max=TWO_CORES),
        reading(usage_usec=4_900_000, cpu_max=TWO_CORES),
    )
    assert usage.window == 2.0
    assert usage.cpu_cores == 1.95
    assert usage.cpu_limit_cores == 2.0
    assert usage.cpu_limit_ratio == 0.975


def test_rates_use_each_cgroups_own_instant_not_the_ticks() -> None:
    before = snapshot(sample(reading(usage_usec=0), at=0.9), at=0.0)
    after = snapshot(sample(reading(usage_usec=1_000_000), at=2.9), at=1.0)
    assert usages(before, after)[0].cpu_cores == 0.5


def test_throttling_is_counted_in_periods_and_in_seconds() -> None:
    usage = between(
        reading(periods=100, throttled=10, throttled_usec=0, cpu_max=TWO_CORES),
        reading(periods=120, throttled=15, throttled_usec=3_000_000, cpu_max=TWO_CORES),
    )
    assert usage.throttled_ratio == 0.25
    assert usage.throttled_seconds_per_second == 1.5


def test_without_a_limit_or_a_period_there_is_no_throttled_ratio() -> None:
    unlimited = between(reading(periods=5), reading(periods=6))
    assert unlimited.throttled_ratio is None
    assert unlimited.cpu_limit_cores is UNLIMITED
    assert unlimited.cpu_limit_ratio is None
    assert unlimited.unknown["cpu_limit_ratio"] is Unknown.INAPPLICABLE
    idle = between(reading(periods=5, cpu_max=TWO_CORES), reading(periods=5, cpu_max=TWO_CORES))
    assert idle.throttled_ratio is None
    assert idle.unknown["throttled_ratio"] is Unknown.INAPPLICABLE
    assert idle.throttled_seconds_per_second == 0.0


def test_a_counter_that_fell_gives_no_rate_and_leaves_the_others() -> None:
    usage = between(
        reading(usage_usec=5_000_000, stalls=(0, 0, 0), cpu_max=TWO_CORES),
        reading(usage_usec=4_000_000, stalls=(1_000_000, 0, 0), cpu_max=TWO_CORES),
    )
    assert usage.cpu_cores is None
    assert usage.unknown["cpu_cores"] is Unknown.PENDING
    assert usage.cpu_limit_ratio is None
    assert usage.unknown["cpu_limit_ratio"] is Unknown.PENDING
    assert usage.cpu_pressure_some == 0.5


def test_the_same_path_with_another_inode_is_another_cgroup() -> None:
    usage = use(
        sample(reading(usage_usec=0), inode=1, at=0.0),
        sample(reading(usage_usec=9_000_000), inode=2, at=1.0),
    )
    assert usage.cpu_cores is None
    assert usage.window is None
    assert usage.unknown["cpu_cores"] is Unknown.PENDING
    assert usage.memory_working_set == 100 * MIB


def test_without_an_earlier_snapshot_what_needs_none_is_there() -> None:
    (usage,) = usages(None, snapshot(sample(reading(oom_kill=2))))
    assert usage.cpu_cores is None
    assert usage.oom_kills is None
    assert usage.oom_kills_total == 2
    assert usage.pids == 3


def test_two_readings_at_the_same_instant_give_no_rate() -> None:
    usage = between(reading(usage_usec=0), reading(usage_usec=1), seconds=0.0)
    assert usage.cpu_cores is None
    assert usage.receive_bytes_per_second is None


def test_denied_and_unsupported_are_told_apart() -> None:
    blind = CgroupReading(denied=("memory_current", "cpu_max"), failed=(("pids_current", "x"),))
    usage = between(blind, blind)
    assert usage.unknown["memory_working_set"] is Unknown.DENIED
    assert usage.unknown["cpu_limit_cores"] is Unknown.DENIED
    assert usage.unknown["cpu_limit_ratio"] is Unknown.DENIED
    assert usage.unknown["pids"] is Unknown.DAMAGED
    assert usage.unknown["cpu_cores"] is Unknown.UNSUPPORTED
    assert usage.unknown["memory_limit"] is Unknown.UNSUPPORTED


def test_a_key_missing_from_a_file_that_is_there_is_unsupported() -> None:
    bare = CgroupReading(cpu_stat=CpuStat(usage_usec=1))
    usage = between(bare, bare)
    assert usage.cpu_cores == 0.0
    assert usage.unknown["throttled_ratio"] is Unknown.UNSUPPORTED


@pytest.mark.parametrize(
    "read",
    [reading(), CgroupReading(), CgroupReading(denied=("cpu_stat", "io_stat", "cpu_pressure"))],
)
def test_exactly_the_fields_that_are_none_have_a_reason(read: CgroupReading) -> None:
    usage = between(read, read)
    absent = {
        field.name
        for field in dataclasses.fields(usage)
        if field.name not in ("sample", "unknown") and getattr(usage, field.name) is None
    }
    assert set(usage.unknown) == absent


def test_working_set_is_without_inactive_file_and_never_negative() -> None:
    assert working_set(reading(memory=5 * MIB, inactive_file=MIB)) == 4 * MIB
    assert working_set(reading(memory=MIB, inactive_file=5 * MIB)) == 0
    assert working_set(CgroupReading(memory_current=5)) is None


def test_memory_has_a_share_of_its_limit_and_no_share_of_no_limit() -> None:
    limited = between(
        reading(memory=50 * MIB, memory_max=200 * MIB),
        reading(memory=50 * MIB, memory_max=200 * MIB),
    )
    assert limited.memory_limit_ratio == 0.25
    unlimited = between(reading(), reading())
    assert unlimited.memory_limit is UNLIMITED
    assert unlimited.unknown["memory_limit_ratio"] is Unknown.INAPPLICABLE


def test_a_limit_of_zero_has_no_share() -> None:
    usage = between(reading(memory_max=0), reading(memory_max=0))
    assert usage.memory_limit == 0
    assert usage.unknown["memory_limit_ratio"] is Unknown.INAPPLICABLE


def test_the_root_of_a_v2_host_takes_its_memory_from_meminfo() -> None:
    root = sample(CgroupReading(), path="/", at=1.0)
    (usage,) = usages(None, snapshot(root))
    assert usage.memory_working_set == (65_536 - 15_000) * MIB


def test_network_is_the_sum_without_loopback() -> None:
    usage = use(
        sample(at=0.0, network=(interface("lo", 0, 0), interface("eth0", 100, 10))),
        sample(at=2.0, network=(interface("lo", 9999, 9999), interface("eth0", 300, 50))),
    )
    assert usage.receive_bytes_per_second == 100.0
    assert usage.transmit_bytes_per_second == 20.0


def test_a_new_or_reset_interface_gives_no_network_rate_this_time() -> None:
    for later in ((interface("eth1", 5, 5),), (interface("eth0", 50, 50),)):
        usage = use(
            sample(at=0.0, network=(interface("eth0", 100, 100),)), sample(at=1.0, network=later)
        )
        assert usage.unknown["receive_bytes_per_second"] is Unknown.PENDING


def test_a_network_answered_for_elsewhere_is_not_a_denied_one() -> None:
    assert use(sample(at=0), sample(at=1)).unknown["receive_bytes_per_second"] is (
        Unknown.INAPPLICABLE
    )
    denied = use(sample(at=0), sample(at=1, network_denied=True))
    assert denied.unknown["transmit_bytes_per_second"] is Unknown.DENIED


def test_disks_are_added_up_and_a_disk_first_seen_now_counts_from_zero() -> None:
    usage = between(
        reading(disk=(IoStat(8, 0, rbytes=100, wbytes=0),)),
        reading(disk=(IoStat(8, 0, rbytes=300, wbytes=0), IoStat(8, 16, rbytes=50, wbytes=400))),
    )
    assert usage.read_bytes_per_second == 125.0
    assert usage.write_bytes_per_second == 200.0


def test_a_disk_counter_that_fell_gives_no_disk_rate() -> None:
    usage = between(
        reading(disk=(IoStat(8, 0, rbytes=100, wbytes=5),)),
        reading(disk=(IoStat(8, 0, rbytes=99, wbytes=9),)),
    )
    assert usage.read_bytes_per_second is None
    assert usage.write_bytes_per_second == 2.0


def test_oom_kills_are_those_of_the_window_and_in_all() -> None:
    usage = between(reading(oom_kill=3), reading(oom_kill=5))
    assert (usage.oom_kills, usage.oom_kills_total) == (2, 5)


@pytest.mark.parametrize(
    ("read", "state"),
    [
        (reading(), "running"),
        (reading(frozen=True), "paused"),
        (reading(populated=False), "exited"),
        (reading(populated=False, frozen=True), "exited"),
        (CgroupReading(pids_current=2), "running"),
        (CgroupReading(pids_current=0), "exited"),
        (CgroupReading(), None),
    ],
)
def test_the_state_is_what_the_cgroup_says(read: CgroupReading, state: str | None) -> None:
    assert between(read, read).state == state


def test_the_start_is_the_containers_else_the_cgroups() -> None:
    known = use(sample(at=0), sample(at=1, container=docker("web", started=WALL - 7)))
    assert known.started == WALL - 7
    assert use(sample(at=0), sample(at=1, container=docker("web", started=None))).started == (
        WALL - 3600
    )


def test_order_and_number_are_those_of_the_later_snapshot() -> None:
    before = snapshot(sample(inode=1), sample(inode=2))
    after = snapshot(sample(inode=3, at=1), sample(inode=1, at=1), at=1)
    assert [usage.cgroup.inode for usage in usages(before, after)] == [3, 1]


def machine(before: HostSample, after: HostSample) -> HostUsage:
    return host_usage(snapshot(at=0, machine=before), snapshot(at=2, machine=after))


def test_the_hosts_cpu_counts_stolen_time_and_not_iowait() -> None:
    usage = machine(
        host(cpu=CpuTimes(0, 0, 0, 0, 0, 0, 0, 0)), host(cpu=CpuTimes(40, 0, 20, 100, 20, 0, 0, 20))
    )
    assert usage.cpu_ratio == 0.4
    assert usage.uptime == 41 * 86400 + 2
    assert usage.memory_available == 15_000 * MIB


def test_a_host_counter_that_fell_gives_no_ratio() -> None:
    assert machine(host(cpu=CpuTimes(9, 0, 0, 0, 0, 0, 0, 0)), host()).cpu_ratio is None
    assert machine(host(), host()).cpu_ratio is None
    assert machine(host(stalls=(10, 0, 0)), host()).cpu_pressure_some is None


def test_host_pressure_is_a_share_of_wall_time() -> None:
    usage = machine(host(), host(stalls=(1_000_000, 0, 500_000)))
    assert usage.cpu_pressure_some == 0.5
    assert usage.io_pressure_some == 0.25
    assert usage.memory_pressure_full == 0.0


@given(
    st.integers(0, 2**63), st.integers(0, 2**63), st.floats(0, 1e6, allow_nan=False), st.integers(1)
)
def test_no_two_readings_give_a_negative_rate(
    earlier: int, later: int, seconds: float, pages: int
) -> None:
    usage = between(
        reading(usage_usec=earlier, memory=pages, stalls=(earlier, later, 0)),
        reading(usage_usec=later, memory=pages, stalls=(later, earlier, 0)),
        seconds,
    )
    for rate in (usage.cpu_cores, usage.cpu_pressure_some, usage.memory_pressure_some):
        assert rate is None or rate >= 0
