from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.cgroupfs.cpu import CpuMax, CpuStat
from agent.cgroupfs.events import CgroupEvents
from agent.cgroupfs.io import IoStat
from agent.cgroupfs.memory import MemoryEvents, MemoryStat
from agent.cgroupfs.reading import CgroupReading
from agent.cgroupfs.v1 import (
    V1_ROWS,
    Requests,
    V1Files,
    V1MemoryStat,
    parse_blkio,
    parse_bytes_limit,
    parse_cpuacct_stat,
    parse_freezer_state,
    parse_oom_control,
    parse_quota,
    parse_v1_cpu_stat,
    parse_v1_memory_stat,
    reading,
)
from agent.cgroupfs.v2 import V2_ROWS, V2Files
from agent.kernelfile import UNLIMITED, Limit, UnexpectedText

NOTHING = V2Files()


def test_every_file_has_a_row_and_every_row_fills_a_field() -> None:
    assert len(V1_ROWS) == len(V1Files._fields)
    assert [row.field for row in V2_ROWS] == list(V2Files._fields)
    fields = set(CgroupReading.__dataclass_fields__)
    assert {row.field for row in V1_ROWS + V2_ROWS} == fields - {"hugetlb", "denied", "failed"}


def test_cgroup_v1_counts_time_in_nanoseconds_and_we_in_microseconds() -> None:
    stat = parse_v1_cpu_stat(
        "nr_periods 42\nnr_throttled 41\nthrottled_time 787711525\nnr_bursts 0\nburst_time 1999\n"
    )
    files = V1Files(
        cpuacct_usage=839921395,
        cpuacct_stat=parse_cpuacct_stat("user 3\nsystem 80\n"),
        cpu_stat=stat,
    )
    assert reading(files, NOTHING).cpu_stat == CpuStat(839921, 30000, 800000, 42, 41, 787711, 0, 1)


def test_user_and_system_time_are_ticks() -> None:
    assert parse_cpuacct_stat("user 14\nsystem 185\n") == CpuStat(
        user_usec=140_000, system_usec=1_850_000
    )
    assert parse_cpuacct_stat("") == CpuStat()
    assert reading(V1Files(cpuacct_stat=CpuStat(user_usec=1)), NOTHING).cpu_stat == CpuStat(
        user_usec=1
    )


def test_a_kernel_without_bursts_leaves_them_none() -> None:
    stat = parse_v1_cpu_stat("nr_periods 1\nnr_throttled 0\nthrottled_time 0\nwait_sum 9\n")
    assert stat == CpuStat(nr_periods=1, nr_throttled=0, throttled_usec=0)


def test_usage_without_the_cpu_controller_says_nothing_of_throttling() -> None:
    assert reading(V1Files(cpuacct_usage=5000), NOTHING).cpu_stat == CpuStat(usage_usec=5)


def test_throttling_without_cpuacct_says_nothing_of_usage() -> None:
    files = V1Files(cpu_stat=CpuStat(nr_periods=1))
    assert reading(files, NOTHING).cpu_stat == CpuStat(nr_periods=1)


@pytest.mark.parametrize(("quota", "expected"), [("-1\n", UNLIMITED), ("20000\n", 20000)])
def test_a_negative_quota_is_no_limit(quota: str, expected: Limit) -> None:
    files = V1Files(cpu_cfs_quota_us=parse_quota(quota), cpu_cfs_period_us=100000)
    assert reading(files, NOTHING).cpu_max == CpuMax(expected, 100000)


@pytest.mark.parametrize("period", [None, 0])
def test_a_quota_without_a_period_is_not_known(period: int | None) -> None:
    assert reading(V1Files(cpu_cfs_quota_us=5, cpu_cfs_period_us=period), NOTHING).cpu_max is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("67108864\n", 67108864),
        ("0\n", 0),
        ("9223372036854771712\n", UNLIMITED),  # 4 KiB pages
        ("9223372036854710272\n", UNLIMITED),  # 64 KiB pages
        ("9223372036854775807\n", UNLIMITED),  # before page counters
        (f"{2**62 - 1}\n", 2**62 - 1),
    ],
)
def test_what_no_memory_could_reach_is_no_limit(text: str, expected: Limit) -> None:
    assert parse_bytes_limit(text) == expected


@pytest.mark.parametrize(
    ("both", "memory", "swap"),
    [
        (134217728, 67108864, 67108864),
        (67108864, 67108864, 0),
        (UNLIMITED, 67108864, UNLIMITED),
        (UNLIMITED, UNLIMITED, UNLIMITED),
        (None, 67108864, None),
        (134217728, None, None),
    ],
)
def test_the_limit_of_swap_alone_is_what_memsw_allows_beyond_memory(
    both: Limit | None, memory: Limit | None, swap: Limit | None
) -> None:
    files = V1Files(memsw_limit=both, memory_limit=memory)
    assert reading(files, NOTHING).memory_swap_max == swap


@pytest.mark.parametrize(("soft", "low"), [(UNLIMITED, 0), (33554432, 33554432), (None, None)])
def test_a_soft_limit_is_the_reservation_and_unlimited_reserves_nothing(
    soft: Limit | None, low: Limit | None
) -> None:
    assert reading(V1Files(memory_soft_limit=soft), NOTHING).memory_low == low


def test_memory_is_counted_with_all_descendants() -> None:
    text = (
        "cache 1\nrss 2\nmapped_file 3\nswap 4\ninactive_file 5\n"
        "hierarchical_memory_limit 67108864\n"
        "total_cache 10\ntotal_rss 20\ntotal_mapped_file 30\ntotal_swap 40\n"
        "total_inactive_file 50\n"
    )
    stat = parse_v1_memory_stat(text)
    assert stat == V1MemoryStat(MemoryStat(anon=20, file=10, file_mapped=30, inactive_file=50), 40)
    files = V1Files(memory_stat=stat, memory_kmem_usage=7)
    made = reading(files, NOTHING)
    assert made.memory_swap_current == 40
    assert made.memory_stat == stat.stat._replace(kernel=7)


def test_without_swap_accounting_swap_is_not_known_instead_of_zero() -> None:
    stat = parse_v1_memory_stat("total_cache 10\n")
    assert reading(V1Files(memory_stat=stat), NOTHING).memory_swap_current is None


def test_failures_and_kills_are_the_events_v1_knows() -> None:
    files = V1Files(
        memory_failcnt=92,
        memory_oom_kill=parse_oom_control("oom_kill_disable 0\nunder_oom 0\noom_kill 1\n"),
    )
    assert reading(files, NOTHING).memory_events == MemoryEvents(max=92, oom_kill=1)


def test_a_kernel_before_4_13_does_not_count_kills() -> None:
    assert parse_oom_control("oom_kill_disable 0\nunder_oom 0\n") is None


BYTES = "8:0 Read 4096\n8:0 Write 8192\n8:0 Sync 4096\n8:0 Async 8192\n8:0 Discard 512\n8:0 Total 12800\nTotal 12800\n"  # noqa: E501
COUNTS = "8:0 Read 1\n8:0 Write 2\n8:0 Total 3\n259:1 Read 9\nTotal 12\n"


def test_bytes_and_requests_of_a_device_become_one_entry() -> None:
    files = V1Files(io_service_bytes=parse_blkio(BYTES), io_serviced=parse_blkio(COUNTS))
    assert reading(files, NOTHING).io_stat == (
        IoStat(8, 0, rbytes=4096, wbytes=8192, rios=1, wios=2, dbytes=512, dios=None),
        IoStat(259, 1, rios=9),
    )


def test_a_cgroup_without_requests_has_no_device_but_was_read() -> None:
    assert reading(V1Files(io_serviced=parse_blkio("Total 0\n")), NOTHING).io_stat == ()


def test_an_ugly_blkio_line_loses_only_itself() -> None:
    ugly = "(unknown) Read 1\n8:0 Read\n8: Read 1\n8:1 Read x\n8:2\n\n8:9 Read " + "9" * 5000 + "\n"
    assert parse_blkio(f"{ugly}{BYTES}") == {(8, 0): Requests(4096, 8192, 512)}


def test_what_only_the_unified_directory_knows_comes_from_there() -> None:
    unified = V2Files(cpu_stat=CpuStat(usage_usec=1), memory_current=2, cpu_weight=3)
    assert reading(V1Files(), unified).cpu_stat == CpuStat(usage_usec=1)
    assert reading(V1Files(cpuacct_usage=7000), unified).cpu_stat == CpuStat(usage_usec=7)
    made = reading(V1Files(memory_usage=0), unified)
    assert (made.memory_current, made.cpu_weight) == (0, 3)


def test_nothing_read_is_nothing_said() -> None:
    assert reading(V1Files(), NOTHING) == CgroupReading()


@given(st.text() | st.text("total_rscahe oomki 0123456789:\n"))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    for row in V1_ROWS:
        try:
            row.parse(text)
        except UnexpectedText:
            continue


@pytest.mark.parametrize(
    ("text", "frozen"), [("THAWED\n", False), ("FREEZING\n", False), ("FROZEN\n", True)]
)
def test_a_cgroup_is_frozen_when_all_its_tasks_are(text: str, frozen: bool) -> None:
    assert parse_freezer_state(text) is frozen


def test_an_unknown_freezer_state_is_refused() -> None:
    with pytest.raises(UnexpectedText):
        parse_freezer_state("ICY\n")


def test_the_freezer_controller_knows_better_than_the_cgroup2_directory_beside_it() -> None:
    beside = V2Files(cgroup_events=CgroupEvents(populated=True, frozen=False))
    assert reading(V1Files(frozen=True), beside).cgroup_events == CgroupEvents(True, True)
    assert reading(V1Files(), beside).cgroup_events == CgroupEvents(True, False)
    assert reading(V1Files(frozen=False), NOTHING).cgroup_events == CgroupEvents(None, False)
