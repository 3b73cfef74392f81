from __future__ import annotations

import shutil
from pathlib import Path

from agent.cgroupfs.hierarchies import Hierarchies
from agent.cgroupfs.tree import V1_ONLY, CgroupTree
from agent.lifecycle.last_look import LastLook
from tests.fixtures.host_trees import HYBRID, V2, container_path, hierarchies


def v2(root: Path, **files: str) -> Hierarchies:
    directory = root / "web"
    directory.mkdir()
    for name, text in files.items():
        (directory / name.replace("_", ".")).write_text(text)
    return Hierarchies(str(root))


def test_a_captured_v2_cgroup_is_counted_as_the_tick_counts_it() -> None:
    look = LastLook(hierarchies(V2))
    path = container_path(V2)
    with CgroupTree(hierarchies(V2)) as tree:
        (cgroup,) = [cgroup for cgroup in tree.walk() if cgroup.path == path]
        reading = tree.read(cgroup)
    counted = look.read(path)
    assert reading is not None
    assert reading.cpu_stat is not None
    assert counted is not None
    assert counted.cpu_usec == reading.cpu_stat.usage_usec
    assert counted.memory_peak == reading.memory_peak
    assert look.cgroup(path) == cgroup


def test_a_captured_hybrid_cgroup_likewise() -> None:
    look = LastLook(hierarchies(HYBRID))
    path = container_path(HYBRID)
    with CgroupTree(hierarchies(HYBRID)) as tree:
        (cgroup,) = [cgroup for cgroup in tree.walk() if cgroup.path == path]
        reading = tree.read(cgroup)
    counted = look.read(path)
    assert reading is not None
    assert reading.cpu_stat is not None
    assert reading.memory_events is not None
    assert counted is not None
    assert counted.cpu_usec == reading.cpu_stat.usage_usec
    assert counted.memory_peak == reading.memory_peak
    assert counted.oom_kills == reading.memory_events.oom_kill
    assert look.cgroup(path) == cgroup


def test_bytes_are_the_sum_over_devices(tmp_path: Path) -> None:
    look = LastLook(
        v2(tmp_path, io_stat="8:0 rbytes=10 wbytes=1\n8:16 rbytes=5 wbytes=2 dbytes=9\n")
    )
    counted = look.read("/web")
    assert counted is not None
    assert (counted.read_bytes, counted.write_bytes) == (15, 3)


def test_half_a_reading_is_a_reading(tmp_path: Path) -> None:
    look = LastLook(v2(tmp_path, cpu_stat="usage_usec 7\n", memory_events="damaged\n"))
    counted = look.read("/web")
    assert counted is not None
    assert (counted.cpu_usec, counted.memory_peak, counted.oom_kills) == (7, None, None)


def test_a_cgroup_that_is_gone_has_no_counters(tmp_path: Path) -> None:
    look = LastLook(v2(tmp_path))
    shutil.rmtree(tmp_path / "web")
    assert look.read("/web") is None
    assert look.cgroup("/web") is None


def test_a_cgroup_of_v1_alone_has_the_number_the_walk_gives_it(tmp_path: Path) -> None:
    (tmp_path / "memory" / "web").mkdir(parents=True)
    (tmp_path / "unified").mkdir()
    look = LastLook(Hierarchies(str(tmp_path / "unified"), {"memory": str(tmp_path / "memory")}))
    cgroup = look.cgroup("/web")
    assert cgroup is not None
    assert cgroup.inode == (tmp_path / "memory" / "web").stat().st_ino | V1_ONLY
