from __future__ import annotations

import pytest

from agent.bpf.probeset import ProbeSet

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
