"""exporters.prometheus.catalog: which metrics there are, and how groups are chosen."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.cgroupfs.cpu import CpuMax, CpuStat
from agent.cgroupfs.memory import MemoryStat
from agent.kernelfile import UNLIMITED
from exporters.prometheus import cadvisor
from exporters.prometheus.catalog import GROUPS, UnknownGroup, metrics_of, select
from exporters.prometheus.encoder import Encoder
from exporters.prometheus.format import family_name
from exporters.prometheus.metric import AnyMetric, Metric
from tests.agent.snapshots import docker, pressure, reading, sample
from tests.exporters.prometheus import whole

ALL = [metric for group in GROUPS for metric in group.metrics]
NAMES = {metric.name for metric in ALL}

MIXIN = """
container_cpu_usage_seconds_total container_cpu_cfs_periods_total
container_cpu_cfs_throttled_periods_total container_memory_working_set_bytes container_memory_rss
container_memory_cache container_memory_swap container_network_receive_bytes_total
container_network_transmit_bytes_total container_network_receive_packets_total
container_network_transmit_packets_total container_network_receive_packets_dropped_total
container_network_transmit_packets_dropped_total container_fs_reads_total
container_fs_writes_total container_fs_reads_bytes_total container_fs_writes_bytes_total
"""
"""kubernetes-mixin: rules, alerts and dashboards."""
OTHER_DASHBOARDS = """
container_cpu_cfs_throttled_seconds_total container_oom_events_total
container_network_receive_errors_total container_network_transmit_errors_total machine_cpu_cores
machine_memory_bytes container_start_time_seconds container_last_seen
container_spec_memory_limit_bytes container_spec_cpu_quota container_spec_cpu_period
"""
"""dotdc's dashboards, Grafana's 14282, and alerts that many have."""
CONFORMANCE = """
blkio_device_usage_total cpu_system_seconds_total cpu_usage_seconds_total cpu_user_seconds_total
file_descriptors fs_reads_bytes_total fs_reads_total fs_writes_bytes_total fs_writes_total
fs_usage_bytes last_seen memory_cache memory_failcnt memory_failures_total memory_mapped_file
memory_max_usage_bytes memory_rss memory_swap memory_usage_bytes memory_working_set_bytes
oom_events_total processes sockets spec_cpu_period spec_cpu_shares spec_memory_limit_bytes
spec_memory_reservation_limit_bytes spec_memory_swap_limit_bytes start_time_seconds threads
threads_max ulimits_soft
"""
"""Kubernetes' node conformance test, what it requires of each container."""


def test_a_name_is_there_once_in_both_formats() -> None:
    for count in (Counter(m.name for m in ALL), Counter(family_name(m) for m in ALL)):
        assert [name for name, times in count.items() if times > 1] == []


@pytest.mark.parametrize("metric", ALL, ids=lambda metric: metric.name)
def test_a_metric_is_described_in_full(metric: AnyMetric) -> None:
    assert re.fullmatch(r"[a-z][a-zA-Z0-9_]*", metric.name)
    assert metric.help[0].isupper() or metric.help[0].isdigit()
    assert metric.help.endswith(".")
    assert "\n" not in metric.help
    assert metric.source
    if metric.type == "counter":
        assert metric.name.endswith("_total")
    if re.search(r"_(seconds|bytes)(_total)?$", metric.name):
        assert metric.unit in ("seconds", "bytes")


def test_every_name_of_cadvisors_is_here_or_has_a_reason_not_to_be() -> None:
    without = {name for group in cadvisor.WITHOUT for name in cadvisor.GROUPS[group]}
    assert without.isdisjoint(NAMES)
    assert NAMES.isdisjoint(cadvisor.WITHOUT_NAMES)
    missing = cadvisor.NAMES - NAMES - without - cadvisor.WITHOUT_NAMES.keys()
    assert missing == set()


def test_a_group_has_cadvisors_name_if_its_metrics_have() -> None:
    ours = {group.name: {metric.name for metric in group.metrics} for group in GROUPS}
    for group, members in cadvisor.GROUPS.items():
        # The one exception, and why, is in groups/blkio.py: a group of its own.
        members = tuple(n for n in members if n != "container_blkio_device_usage_total")
        if group not in cadvisor.WITHOUT:
            assert ours.get(group, set()) >= set(members) - cadvisor.WITHOUT_NAMES.keys(), group


def test_cadvisors_names_are_stable_and_all_others_beta() -> None:
    stable = {metric.name for metric in ALL if metric.stability == "stable"}
    assert stable == NAMES & cadvisor.NAMES


@pytest.mark.parametrize("name", (MIXIN + OTHER_DASHBOARDS).split())
def test_what_dashboards_and_alerts_ask_for_is_on_the_page_by_default(name: str) -> None:
    assert name in {metric.name for metric in metrics_of(select())}


@pytest.mark.parametrize("name", CONFORMANCE.split())
def test_what_node_conformance_asks_for_is_on_the_page_by_default(name: str) -> None:
    assert f"container_{name}" in {metric.name for metric in metrics_of(select())}


def test_the_default_groups_are_the_kubelets_and_pressure_without_what_is_always_zero() -> None:
    kubelet = {"cpu", "memory", "diskIO", "blkio", "disk", "network", "process", "oom_event"}
    default = {group.name for group in GROUPS if group.default}
    assert kubelet | {"pressure"} <= default
    assert default.isdisjoint({"cpuLoad", "sched", "tcp", "udp", "advtcp", "hugetlb"})
    assert "container_tasks_state" not in NAMES
    assert [group.name for group in GROUPS if not group.default and not group.why] == []


def test_groups_are_added_to_the_default_and_taken_from_it() -> None:
    default = {group.name for group in select()}
    assert {group.name for group in select(["tcp"], ["network"])} == default - {"network"} | {"tcp"}
    assert all(group.default for group in select())


def test_a_list_of_cadvisors_disable_metrics_is_understood() -> None:
    pasted = ["percpu", "sched", "tcp", "udp", "disk", "cpu_topology", "resctrl", "cpuset"]
    assert {group.name for group in select(disabled=pasted)} == {
        group.name for group in select(disabled=["disk"])
    }


def test_it_may_be_pasted_with_its_commas_and_takes_all_of_cadvisors_group() -> None:
    names = {group.name for group in select(disabled=["percpu, sched,diskIO", "tcp"])}
    assert not {"diskIO", "blkio"} & names
    assert "disk" in names
    assert "blkio" in {group.name for group in select(["blkio"], ["diskIO"])}
    with pytest.raises(UnknownGroup, match="unknown group 'percpuu'"):
        select(disabled=["sched,percpuu"])


def test_an_unknown_group_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownGroup, match="did you mean 'network'"):
        select(["netwrok"])
    with pytest.raises(UnknownGroup, match="did you mean 'cpuset'"):
        select(disabled=["cpusets"])
    with pytest.raises(UnknownGroup, match="there are cpu, memory"):
        select(["?"])


def test_a_group_there_is_nothing_for_is_refused_with_the_reason() -> None:
    with pytest.raises(UnknownGroup, match="always 0 on cgroup v2"):
        select(["cpuLoad"])


def test_a_group_both_on_and_off_is_refused() -> None:
    with pytest.raises(UnknownGroup, match="'tcp' is enabled and disabled"):
        select(["tcp"], ["tcp"])


@pytest.mark.parametrize(
    "metric", [m for m in ALL if isinstance(m, Metric)], ids=lambda metric: metric.name
)
def test_a_metric_has_the_labels_it_declares(metric: Metric) -> None:
    made = whole.snapshot()
    for found in made.samples:
        for labels, _ in metric.read(found, made):
            assert tuple(name for name, _ in labels) == metric.labels


NUMBER = st.none() | st.integers(0, 2**63)
READINGS = st.builds(
    lambda cpu, memory, current, limited, some, full: dataclasses.replace(
        reading(),
        cpu_stat=None if cpu is None else CpuStat(*cpu),
        memory_stat=None if memory is None else MemoryStat(*memory),
        memory_current=current,
        cpu_max=CpuMax(20_000 if limited else UNLIMITED, 100_000),
        cpu_pressure=None if some is None else pressure(some, full),
    ),
    st.none() | st.tuples(*[NUMBER] * len(CpuStat._fields)),
    st.none() | st.tuples(*[NUMBER] * len(MemoryStat._fields)),
    NUMBER,
    st.booleans(),
    NUMBER,
    NUMBER,
)


@given(st.lists(READINGS, max_size=4))
def test_the_encoders_fast_ways_say_what_read_says(readings: list[object]) -> None:
    made = whole.snapshot(
        *(
            sample(read, inode=i, path=f"/docker/{i}", container=docker(f"c{i}"))  # type: ignore[arg-type]
            for i, read in enumerate(readings, 2)
        )
    )
    core = [m for m in metrics_of(select()) if isinstance(m, Metric)]
    plain = [dataclasses.replace(metric, parts=()) for metric in core]
    fast = b"".join(Encoder(core).encode(made)).splitlines()
    slow = b"".join(Encoder(plain).encode(made)).splitlines()
    assert sorted(map(numbers, fast)) == sorted(map(numbers, slow))


def numbers(line: bytes) -> tuple[bytes, float | bytes]:
    """A line with its value as a number: 1.500000 is 1.5."""
    if line.startswith(b"#"):
        return line, b""
    series, _, value = line.rpartition(b" ")
    return series, float(value)
