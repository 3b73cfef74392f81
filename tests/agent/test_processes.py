"""agent.processes: this process' own descriptors, and a /proc of the test's own for refusals."""

from __future__ import annotations

import errno
import os
import resource
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.cgroupfs.reading import Cgroup, CgroupReading
from agent.kernelfile import UNLIMITED
from agent.processes import (
    LINKS_EVERY,
    MOST_DESCRIPTORS,
    Members,
    ProcessCounts,
    Processes,
    members,
)

LIMITS = "Limit Soft\nMax open files            1024                 524288               files\n"
OWN = os.getpid()


def cgroup(inode: int, path: str) -> Cgroup:
    return Cgroup(inode, path, 0.0)


def reading(*pids: int) -> CgroupReading:
    return CgroupReading(procs=pids)


def test_a_containers_processes_are_those_of_its_cgroup_and_of_all_below() -> None:
    cgroups = [
        cgroup(1, "/"),
        cgroup(2, "/docker"),
        cgroup(3, "/docker/a"),
        cgroup(4, "/docker/a/init.scope"),
        cgroup(5, "/docker/a/system.slice"),
        cgroup(6, "/docker/ab"),
        cgroup(7, "/z"),
    ]
    readings = {
        1: reading(1),
        2: reading(2),
        3: reading(),
        4: reading(40),
        5: reading(50, 51),
        6: reading(60),
        7: reading(70),
    }
    assert members(cgroups, readings, {3: 40, 6: None}) == {
        3: Members((40, 50, 51), 40),
        6: Members((60,), None),
    }


def test_a_container_within_a_container_is_counted_in_both() -> None:
    cgroups = [cgroup(1, "/kind"), cgroup(2, "/kind/pod"), cgroup(3, "/kind/pod/c")]
    readings = {1: reading(10), 2: reading(), 3: reading(30)}
    found = members(cgroups, readings, {1: 10, 3: None})
    assert found == {1: Members((10, 30), 10), 3: Members((30,), None)}


def test_a_container_whose_processes_were_not_read_is_unknown_not_empty() -> None:
    assert members([cgroup(1, "/a")], {1: CgroupReading()}, {1: None}) == {}
    assert members([cgroup(1, "/a")], {1: reading()}, {1: None}) == {1: Members((), None)}


def count(processes: Processes, *pids: int, first: int | None = None) -> ProcessCounts:
    result = processes.read({1: Members(pids, first)})
    assert result.failures == ()
    return result.counts[1]


@pytest.fixture
def opened() -> Iterator[tuple[int, int]]:
    """Open files and sockets of this process while it has 5 more sockets and 70 more files."""
    sockets = [socket.socket() for _ in range(5)]
    files = [os.open("/dev/null", os.O_RDONLY) for _ in range(70)]
    names = os.listdir("/proc/self/fd")
    links = []
    for name in names:
        try:
            links.append(os.readlink(f"/proc/self/fd/{name}"))
        except FileNotFoundError:
            continue  # the listing's own descriptor
    yield len(links), sum(link.startswith("socket:") for link in links)
    for number in files:
        os.close(number)
    for each in sockets:
        each.close()


def test_descriptors_and_sockets_are_those_that_a_listing_shows(opened: tuple[int, int]) -> None:
    counts = count(Processes("/proc"), OWN, first=OWN)
    assert counts.processes == 1
    assert counts.sockets == opened[1]
    assert counts.file_descriptors is not None
    # Before Linux 6.2 the listing itself holds one.
    assert counts.file_descriptors - opened[0] in (0, 1)
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    assert counts.max_open_files == (UNLIMITED if soft == resource.RLIM_INFINITY else soft)
    assert counts.looked_at is not None


def test_without_a_count_by_the_kernel_the_listing_is_the_count(opened: tuple[int, int]) -> None:
    processes = Processes("/proc")
    processes._kernel_counts = False  # as on Linux before 6.2
    counts = count(processes, OWN)
    assert counts.file_descriptors is not None
    # Looking at itself it sees the descriptors it looks through.
    assert counts.file_descriptors - opened[0] in (1, 2)
    assert counts.sockets == opened[1]


def test_a_process_that_ended_drops_only_itself(opened: tuple[int, int]) -> None:
    counts = count(Processes("/proc"), 4_194_304, OWN)
    assert counts.processes == 2  # cgroup.procs had it a moment ago
    assert counts.sockets == opened[1]


def test_a_container_without_processes_has_zero_of_everything_but_limits() -> None:
    assert count(Processes("/proc"))[:4] == (0, 0, 0, None)


def test_descriptors_are_counted_each_tick_and_sockets_once_a_minute() -> None:
    now = [1000.0]
    processes = Processes("/proc", clock=lambda: now[0])
    before = count(processes, OWN)
    with socket.socket():
        later = count(processes, OWN)
        assert later.sockets == before.sockets
        assert later.looked_at == 1000.0
        now[0] += LINKS_EVERY
        after = count(processes, OWN)
    assert before.sockets is not None
    assert after.sockets == before.sockets + 1
    assert after.looked_at == 1060.0
    if processes._kernel_counts:
        assert before.file_descriptors is not None
        assert later.file_descriptors == before.file_descriptors + 1


def test_a_container_that_is_gone_is_forgotten() -> None:
    processes = Processes("/proc")
    count(processes, OWN)
    assert processes.read({}).counts == {}
    assert processes._looks == {}


class Proc:
    """A /proc of the test's own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.process(1, "socket:[1]", "/dev/null")

    def process(self, pid: int, *links: str) -> None:
        directory = self.path / str(pid) / "fd"
        directory.mkdir(parents=True)
        for number, link in enumerate(links):
            (directory / str(number)).symlink_to(link)
        (directory.parent / "limits").write_text(LIMITS)

    def processes(self) -> Processes:
        # The directory sizes of an ordinary filesystem count nothing.
        found = Processes(str(self.path))
        found._kernel_counts = False
        return found


@pytest.fixture
def proc(tmp_path: Path) -> Proc:
    return Proc(tmp_path)


def test_links_that_may_not_be_read_leave_sockets_unknown_and_are_counted(
    proc: Proc, monkeypatch: pytest.MonkeyPatch
) -> None:
    proc.process(2, "socket:[2]")

    def refused(name: str, *, dir_fd: int) -> str:
        raise PermissionError(errno.EACCES, "Permission denied", name)

    monkeypatch.setattr(os, "readlink", refused)
    result = proc.processes().read({1: Members((1, 2), None)})
    assert result.counts[1][:4] == (2, 3, None, 1024)
    assert len(result.failures) == 1
    assert "Permission denied" in result.failures[0]


def test_a_directory_that_may_not_be_listed_leaves_both_unknown(
    proc: Proc, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.open

    def refused(path: str, flags: int) -> int:
        if path.endswith("/fd"):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return real(path, flags)

    monkeypatch.setattr(os, "open", refused)
    result = proc.processes().read({1: Members((1,), None)})
    assert result.counts[1][:4] == (1, None, None, 1024)
    assert "/1/fd" in result.failures[0]


def test_a_stat_that_is_refused_leaves_descriptors_unknown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    processes = Processes("/proc")
    processes._kernel_counts = True

    def refused(path: str) -> os.stat_result:
        raise PermissionError(errno.EPERM, "Operation not permitted", path)

    monkeypatch.setattr("agent.processes.os.stat", refused)
    result = processes.read({1: Members((OWN,), None)})
    assert result.counts[1].file_descriptors is None
    assert "not permitted" in result.failures[0]


def test_too_many_descriptors_are_counted_and_their_sockets_are_not(
    proc: Proc, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [str(number) for number in range(MOST_DESCRIPTORS + 1)]
    monkeypatch.setattr("agent.processes.os.listdir", lambda _: names)
    result = proc.processes().read({1: Members((1,), None)})
    assert result.counts[1][:4] == (1, MOST_DESCRIPTORS + 1, None, 1024)
    assert "descriptors" in result.failures[0]


def test_the_limit_is_that_of_the_first_process(proc: Proc) -> None:
    proc.process(2)
    (proc.path / "2" / "limits").write_text(LIMITS.replace("1024", "2048"))
    assert count(proc.processes(), 1, 2, first=2).max_open_files == 2048
    # The runtime's file may name a process that is not there any more.
    assert count(proc.processes(), 1, 2, first=9).max_open_files == 1024
