from __future__ import annotations

from pathlib import Path

import pytest

from agent.bpf.probeset import ProbeSet
from agent.bpf.syscall import cpu_ids, possible_cpus

PROBE = ProbeSet(
    name="some",
    programs=(),
    maps=("counts", "slots", "fixed"),
    per_cgroup={"counts": 3, "slots": 1},
    per_cpu=frozenset({"slots"}),
)


@pytest.mark.parametrize(
    ("cgroups", "cpus", "sizes"),
    [
        (0, 2, {"counts": 2048, "slots": 1024}),
        (300, 64, {"counts": 2048, "slots": 65536}),
        (1000, 3, {"counts": 8192, "slots": 6144}),
        (1_000_000, 2, {"counts": 65536, "slots": 8192}),
    ],
)
def test_maps_are_sized_by_the_host_within_bounds(
    cgroups: int, cpus: int, sizes: dict[str, int]
) -> None:
    assert PROBE.sizes(cgroups, cpus) == sizes


@pytest.mark.parametrize(
    ("text", "ids", "count"), [("0", 1, 1), ("0-7", 8, 8), ("0,2-5", 6, 5), ("0-1,4", 5, 3)]
)
def test_a_gap_in_the_cpus_numbers_takes_room_in_an_array_by_number(
    tmp_path: Path, text: str, ids: int, count: int
) -> None:
    path = tmp_path / "possible"
    path.write_text(f"{text}\n")
    assert (cpu_ids(str(path)), possible_cpus(str(path))) == (ids, count)
