from __future__ import annotations

import random
from typing import NamedTuple

import pytest

from agent.cgroupfs.hierarchies import Hierarchies, NoCgroups, find_hierarchies
from agent.procfs.mountinfo import parse_mountinfo
from tests.fixtures.host_trees import HYBRID, V2


class Mount(NamedTuple):
    fs_type: str
    mount_point: str
    root: str = "/"
    super_options: str = "rw"


UNIFIED = Mount("cgroup2", "/sys/fs/cgroup")


def _v1(controllers: str, root: str = "/", below: str = "/sys/fs/cgroup") -> Mount:
    return Mount("cgroup", f"{below}/{controllers}", root, f"rw,{controllers}")


def test_a_captured_v2_host_has_one_tree() -> None:
    found = find_hierarchies(parse_mountinfo((V2 / "proc/self/mountinfo").read_text()))
    assert found == Hierarchies(unified="/sys/fs/cgroup")
    assert found.version == "v2"
    assert found.walk_root == "/sys/fs/cgroup"


def test_a_captured_hybrid_host_has_controllers_on_v1_and_a_tree_beside_them() -> None:
    found = find_hierarchies(parse_mountinfo((HYBRID / "proc/self/mountinfo").read_text()))
    assert found.version == "hybrid"
    assert found.unified == "/sys/fs/cgroup/unified"
    assert found.v1 == {
        name: f"/sys/fs/cgroup/{name}"
        for name in ("memory", "cpuacct", "pids", "cpu", "blkio", "freezer", "cpuset")
    }
    assert found.walk_root == "/sys/fs/cgroup/memory"


def test_controllers_mounted_together_share_a_mount_point() -> None:
    found = find_hierarchies([_v1("cpu,cpuacct")])
    assert found.v1 == {
        "cpuacct": "/sys/fs/cgroup/cpu,cpuacct",
        "cpu": "/sys/fs/cgroup/cpu,cpuacct",
    }
    assert found.version == "v1"


@pytest.mark.parametrize(
    ("controllers", "first"),
    [
        (["blkio", "pids", "cpuacct", "memory"], "memory"),
        (["blkio", "pids", "cpuacct"], "cpuacct"),
        (["blkio", "pids"], "pids"),
        (["blkio"], "blkio"),
    ],
)
def test_the_walk_starts_where_every_container_has_a_directory(
    controllers: list[str], first: str
) -> None:
    found = find_hierarchies(_v1(name) for name in controllers)
    assert found.walk_root == f"/sys/fs/cgroup/{first}"


@pytest.mark.parametrize("options", ["rw,name=systemd", "rw,net_cls,net_prio", "rw,devices"])
def test_v1_mounts_without_our_controllers_leave_a_host_v2(options: str) -> None:
    found = find_hierarchies([UNIFIED, Mount("cgroup", "/sys/fs/cgroup/x", "/", options)])
    assert found.version == "v2"


def test_of_two_mounts_of_one_hierarchy_the_one_that_shows_all_of_it_is_taken() -> None:
    whole, part = _v1("memory"), _v1("memory", root="/docker/7f54", below="/other")
    for mounts in ([whole, part], [part, whole]):
        assert find_hierarchies(mounts).v1 == {"memory": "/sys/fs/cgroup/memory"}


def test_of_equal_mounts_the_first_is_taken() -> None:
    again = UNIFIED._replace(mount_point="/host/sys/fs/cgroup")
    assert find_hierarchies([UNIFIED, again]).unified == "/sys/fs/cgroup"


def test_in_a_private_cgroup_namespace_the_host_tree_is_taken_not_our_own() -> None:
    # /sys/fs/cgroup shows the container's own part as "/", the bind of the host's is above it.
    host = Mount("cgroup2", "/host/sys/fs/cgroup", "/../..")
    sibling = Mount("cgroup2", "/mnt/sibling", "/../7f54")
    mounts = [UNIFIED, host, sibling]
    for _ in range(6):
        assert find_hierarchies(mounts).unified == "/host/sys/fs/cgroup"
        random.Random(0).shuffle(mounts)


def test_a_part_is_better_than_nothing() -> None:
    part = _v1("memory", root="/docker/7f54")
    assert find_hierarchies([part]).v1 == {"memory": "/sys/fs/cgroup/memory"}


def test_a_host_without_cgroups_is_told_what_to_mount() -> None:
    with pytest.raises(NoCgroups, match=r"mount -t cgroup2 none /sys/fs/cgroup"):
        find_hierarchies([Mount("tmpfs", "/sys/fs/cgroup"), _v1("devices")])
