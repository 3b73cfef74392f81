"""exporters.prometheus.groups.spec: limits, and what the root cgroup has in their place."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.cgroupfs.reading import CgroupReading
from agent.kernelfile import UNLIMITED, Limit
from agent.procfs.meminfo import Meminfo
from exporters.prometheus.encoder import Encoder
from exporters.prometheus.groups.spec import METRICS
from tests.agent.snapshots import host, sample, snapshot

NAMES = ("container_spec_memory_limit_bytes", "container_spec_memory_swap_limit_bytes")


def _meminfo(total: int, swap: int | None) -> Meminfo:
    return Meminfo(total, None, None, None, swap, None)


def lines(own: Limit | None, machines: Meminfo | None) -> list[str]:
    root = sample(CgroupReading(memory_max=own, memory_swap_max=own), path="/")
    found = snapshot(root, machine=replace(host(), meminfo=machines))
    text = b"".join(Encoder(METRICS).encode(found)).decode()
    return [line for line in text.splitlines() if line.startswith(NAMES)]


@pytest.mark.parametrize("own", [UNLIMITED, None])  # v1's file says so, v2 has none
def test_the_root_cgroups_limit_is_the_machines_memory_as_in_cadvisor(own: Limit | None) -> None:
    memory, swap = lines(own, _meminfo(24 << 30, 0))
    assert memory.endswith(f" {24 << 30}")
    assert swap.endswith(" 0")
    assert 'id="/"' in memory


def test_a_machine_that_does_not_tell_its_memory_has_no_series() -> None:
    assert lines(UNLIMITED, None) == []
    assert len(lines(UNLIMITED, _meminfo(1, None))) == 1
