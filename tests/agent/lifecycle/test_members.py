from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent.cgroupfs.hierarchies import Hierarchies
from agent.kernelfile import UnexpectedText
from agent.lifecycle.members import find_first, members, parse_numbers, sees_own_pids


def cgroup(root: Path, path: str, procs: str) -> None:
    directory = root / path.lstrip("/")
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "cgroup.procs").write_text(procs)


def process(proc: Path, pid: int, name: str, numbers: str) -> None:
    (proc / str(pid)).mkdir(parents=True)
    (proc / str(pid) / "status").write_text(f"Name:\t{name}\nUmask:\t0022\nNSpid:\t{numbers}\n")


def test_a_cgroups_own_processes_come_first(tmp_path: Path) -> None:
    cgroup(tmp_path, "/web", "42\n7\n")
    cgroup(tmp_path, "/web/inside", "99\n")
    assert members(Hierarchies(str(tmp_path)), "/web") == (7, 42)


def test_where_it_has_none_those_below_are_its_members(tmp_path: Path) -> None:
    cgroup(tmp_path, "/web", "")
    cgroup(tmp_path, "/web/container", "42\n")
    assert members(Hierarchies(str(tmp_path)), "/web") == (42,)


def test_a_hybrid_hosts_cgroup_may_be_filled_in_one_hierarchy_alone(tmp_path: Path) -> None:
    cgroup(tmp_path, "memory/web", "")
    cgroup(tmp_path, "unified/web", "42\n")
    hierarchies = Hierarchies(str(tmp_path / "unified"), {"memory": str(tmp_path / "memory")})
    assert members(hierarchies, "/web") == (42,)


def test_one_that_is_gone_has_no_members(tmp_path: Path) -> None:
    assert members(Hierarchies(str(tmp_path)), "/web") == ()


def test_number_1_of_a_pid_namespace_is_the_first_process(tmp_path: Path) -> None:
    process(tmp_path, 40, "runc:[1:CHILD]", "40")
    process(tmp_path, 41, "sh", "41\t1")
    process(tmp_path, 42, "sleep", "42\t7")
    assert find_first(str(tmp_path), (40, 41, 42)) == 41


def test_so_is_the_last_stage_of_runc_in_the_hosts_namespace(tmp_path: Path) -> None:
    process(tmp_path, 40, "runc:[1:CHILD]", "40")
    process(tmp_path, 41, "runc:[2:INIT]", "41")
    assert find_first(str(tmp_path), (40, 41)) == 41


def test_processes_of_the_hosts_namespace_are_no_containers(tmp_path: Path) -> None:
    process(tmp_path, 40, "sshd", "40")
    assert find_first(str(tmp_path), (39, 40)) is None


def test_this_process_sees_its_own_pids(tmp_path: Path) -> None:
    assert sees_own_pids("/proc")
    process(tmp_path, 1, "agent", f"{os.getpid() + 1}")
    (tmp_path / "self").symlink_to("1")
    assert not sees_own_pids(str(tmp_path))


def test_a_damaged_line_is_refused() -> None:
    with pytest.raises(UnexpectedText):
        parse_numbers("Name:\tsh\nNSpid:\tone\n")


def test_a_kernel_without_pid_namespaces_tells_no_numbers() -> None:
    assert parse_numbers("Name:\tsh\nPid:\t1\n") == ()
