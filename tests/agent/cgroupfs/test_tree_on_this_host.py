"""The tree on the cgroups of the machine the tests run on, whichever version it has."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.cgroupfs.hierarchies import Hierarchies, NoCgroups, find_hierarchies
from agent.cgroupfs.reading import Cgroup
from agent.cgroupfs.tree import CgroupTree
from agent.kernelfile import UNLIMITED, read
from agent.procfs.mountinfo import parse_mountinfo
from agent.procfs.pid import UNIFIED, parse_pid_cgroup
from tests.host.docker import DockerHost

pytestmark = pytest.mark.host


@pytest.fixture
def mounted() -> Hierarchies:
    try:
        return find_hierarchies(read("/proc/self/mountinfo", parse_mountinfo) or ())
    except NoCgroups as error:
        pytest.skip(str(error))


@pytest.fixture
def own(mounted: Hierarchies) -> Iterator[Path]:
    """A cgroup of our own in the tree whose inode is a cgroup's identity; empty at the end."""
    home = Path(mounted.unified or mounted.walk_root, f"agent-test-{os.getpid()}")
    try:
        home.mkdir()
    except OSError as error:
        pytest.skip(f"cannot make a cgroup: {error}")
    try:
        yield home
    finally:
        for directory in (*home.iterdir(), home):
            if directory.is_dir():
                directory.rmdir()


def _find(tree: CgroupTree, path: str) -> Cgroup:
    (cgroup,) = (cgroup for cgroup in tree.walk() if cgroup.path == path)
    return cgroup


def test_a_cgroup_removed_in_the_middle_of_a_sweep_loses_only_itself(
    mounted: Hierarchies, own: Path
) -> None:
    for name in ("a", "b", "c"):
        (own / name).mkdir()
    with CgroupTree(mounted) as tree:
        cgroups = [c for c in tree.walk() if c.path.startswith(f"/{own.name}/")]
        assert [c.path.rpartition("/")[2] for c in cgroups] == ["a", "b", "c"]
        assert None not in [tree.read(c) for c in cgroups]
        (own / "b").rmdir()
        assert [tree.read(c) is None for c in cgroups] == [False, True, False]
        kept = {os.path.realpath(entry.path) for entry in os.scandir("/proc/self/fd")}
        assert str(own / "a/cpu.stat") in kept
        assert not any(path.startswith(str(own / "b")) for path in kept)


def test_a_cgroup_made_again_under_the_same_path_is_another_one(
    mounted: Hierarchies, own: Path
) -> None:
    with CgroupTree(mounted) as tree:
        first = _find(tree, f"/{own.name}")
        assert tree.read(first) is not None
        own.rmdir()
        own.mkdir()
        second = _find(tree, f"/{own.name}")
        assert second.inode != first.inode
        assert tree.read(first) is None
        assert tree.read(second) is not None


def test_a_process_is_counted_where_it_is_and_its_end_is_seen_before_the_removal(
    mounted: Hierarchies, own: Path
) -> None:
    if mounted.unified is None:
        pytest.skip("no cgroup2 mount: cgroup.events is cgroup v2's")
    with (
        CgroupTree(mounted) as tree,
        subprocess.Popen(
            [sys.executable, "-c", "print(sum(range(10**6)), flush=True); input()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as process,
    ):
        (own / "cgroup.procs").write_text(f"{process.pid}\n")
        assert process.stdout is not None
        process.stdout.readline()
        cgroup = _find(tree, f"/{own.name}")
        assert tree.pids(cgroup) == (process.pid,)
        paths = read(f"/proc/{process.pid}/cgroup", parse_pid_cgroup)
        assert paths is not None
        assert paths[UNIFIED] == cgroup.path
        running = tree.read(cgroup)
        process.communicate(b"\n")
        ended = tree.read(cgroup)
        assert tree.pids(cgroup) == ()
    assert running is not None
    assert running.cgroup_events is not None
    assert running.cgroup_events.populated is True
    assert ended is not None
    assert ended.cgroup_events is not None
    assert ended.cgroup_events.populated is False
    assert ended.cpu_stat is not None
    assert ended.cpu_stat.usage_usec is not None
    assert ended.cpu_stat.usage_usec > 0


def test_processes_are_those_of_now_however_soon_they_are_read_again(mounted: Hierarchies) -> None:
    home = Path(mounted.walk_root, f"agent-test-procs-{os.getpid()}")
    try:
        home.mkdir()
    except OSError as error:
        pytest.skip(f"cannot make a cgroup: {error}")
    try:
        with CgroupTree(mounted, details=("process",)) as tree:
            cgroup = _find(tree, f"/{home.name}")
            for _ in range(3):
                with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
                    (home / "cgroup.procs").write_text(str(process.pid))
                    reading = tree.read(cgroup)
                    assert process.stdin is not None
                    process.stdin.close()
                assert reading is not None
                assert reading.procs == (process.pid,)
    finally:
        home.rmdir()


def test_a_controller_turned_off_makes_its_files_absent_and_the_cgroup_stays(
    mounted: Hierarchies, own: Path
) -> None:
    if "pids" not in (own / "cgroup.controllers").read_text().split():
        pytest.skip("the pids controller is not on cgroup v2 here")
    (own / "cgroup.subtree_control").write_text("+pids")
    (own / "a").mkdir()
    with CgroupTree(mounted) as tree:
        cgroup = _find(tree, f"/{own.name}/a")
        before = tree.read(cgroup)
        (own / "cgroup.subtree_control").write_text("-pids")
        after = tree.read(cgroup)
    assert before is not None
    assert before.pids_max is UNLIMITED
    assert after is not None
    assert after.pids_max is None
    assert after.cpu_stat is not None


def test_nothing_on_this_host_is_refused_or_misunderstood(mounted: Hierarchies) -> None:
    if os.getuid() != 0:
        pytest.skip("not root: some files are rightly denied")
    with CgroupTree(mounted) as tree:
        cgroups = tree.walk()
        readings = {c.path: tree.read(c) for c in reversed(cgroups)}
    assert tree.unlisted == ()
    for path, reading in readings.items():
        if reading is not None:  # gone meanwhile
            assert (path, reading.denied, reading.failed) == (path, (), ())
    root = readings["/"]
    assert root is not None
    assert root.cpu_stat is not None
    assert root.pids_max is None


def _number(mounted: Hierarchies, path: str, v1: tuple[str, str], v2: str) -> int:
    """What the file itself says, read here without the code under test; nanoseconds to usec."""
    controller, name = v1
    if controller in mounted.v1:
        text = Path(f"{mounted.v1[controller]}{path}/{name}").read_text()
        return int(text) // (1000 if name == "cpuacct.usage" else 1)
    words = Path(f"{mounted.unified}{path}/{v2}").read_text().split()
    return int(words[words[0] == "usage_usec"])


def test_a_docker_containers_reading_is_what_its_files_say(
    mounted: Hierarchies, docker_host: DockerHost
) -> None:
    name = f"read-{os.getpid()}"
    options = ["--memory-reservation", "32m", "--cpu-shares", "512", "--pids-limit", "50"]
    load = "while :; do dd if=/dev/zero of=/dev/null bs=64k count=1000 2>/dev/null; done"
    handle = docker_host.run(
        name, ["/bin/sh", "-c", load], memory=64 * 2**20, cpus=0.2, options=options
    )
    try:
        with CgroupTree(mounted) as tree:
            (cgroup,) = (c for c in tree.walk() if c.path.endswith(handle.id))
            assert handle.pid in tree.pids(cgroup)
            tree.read(cgroup)  # opens the files; the readings below are of kept ones
            for field, v1, v2 in (
                ("usage_usec", ("cpuacct", "cpuacct.usage"), "cpu.stat"),
                ("memory_max", ("memory", "memory.limit_in_bytes"), "memory.max"),
                ("memory_peak", ("memory", "memory.max_usage_in_bytes"), "memory.peak"),
                ("pids_max", ("pids", "pids.max"), "pids.max"),
                ("pids_peak", ("pids", "pids.peak"), "pids.peak"),
            ):
                before = _number(mounted, cgroup.path, v1, v2)
                reading = tree.read(cgroup)
                after = _number(mounted, cgroup.path, v1, v2)
                source = reading and reading.cpu_stat if field == "usage_usec" else reading
                assert before <= getattr(source, field) <= after, field
            reading = tree.read(cgroup)
        assert reading is not None
        assert (reading.denied, reading.failed) == ((), ())
        assert reading.cpu_max is not None
        assert reading.cpu_max.cores == 0.2
        assert reading.memory_max == 64 * 2**20
        assert reading.memory_low == 32 * 2**20
        assert reading.memory_swap_max in (64 * 2**20, None)  # None: no swap accounting here
        assert reading.pids_max == 50
        # Shares of 512 are weight 20, or 59 since runc draws a curve.
        assert reading.cpu_shares == 512 or reading.cpu_weight in (20, 59)
        assert reading.cpu_pressure is not None
    finally:
        docker_host.remove(name)
    with CgroupTree(mounted) as tree:
        assert tree.read(cgroup) is None
