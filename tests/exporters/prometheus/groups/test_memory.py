"""exporters.prometheus.groups.memory: what the root cgroup has in place of its own files."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.cgroupfs.reading import CgroupReading
from agent.procfs.meminfo import Meminfo
from exporters.prometheus.encoder import Encoder
from exporters.prometheus.groups.memory import METRICS
from tests.agent.snapshots import host, sample, snapshot


@pytest.mark.parametrize(
    ("path", "own", "machines", "told"),
    [
        ("/", None, (100, 30), 70),  # cgroup v2 has no such file there
        ("/", 5, (100, 30), 5),
        ("/", None, (0, 0), 0),
        ("/", None, (100, None), None),
        ("/docker", None, (100, 30), None),
    ],
)
def test_swap_of_the_root_is_the_machines(
    path: str, own: int | None, machines: tuple[int, int | None], told: int | None
) -> None:
    meminfo = Meminfo(None, None, None, None, *machines)
    found = snapshot(
        sample(CgroupReading(memory_swap_current=own), path=path),
        machine=replace(host(), meminfo=meminfo),
    )
    text = b"".join(Encoder(METRICS).encode(found)).decode()
    lines = [line for line in text.splitlines() if line.startswith("container_memory_swap{")]
    assert [line.rpartition(" ")[2] for line in lines] == ([] if told is None else [str(told)])
