from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent.cgroupfs.hierarchies import Hierarchies
from agent.cgroupfs.reading import Cgroup
from agent.cgroupfs.tree import V1_ONLY, CgroupTree
from tests.fixtures.host_trees import HYBRID, V2, container_path, hierarchies

CAPTURED = pytest.mark.parametrize("host", [V2, HYBRID], ids=lambda host: host.name)


def _make(root: Path, *paths: str) -> None:
    for path in paths:
        directory = root / path.strip("/")
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "cgroup.procs").write_text("")


def _by_path(tree: CgroupTree) -> dict[str, Cgroup]:
    return {cgroup.path: cgroup for cgroup in tree.walk()}


@CAPTURED
def test_a_captured_host_is_walked_from_its_root_down_to_the_container(host: Path) -> None:
    with CgroupTree(hierarchies(host)) as tree:
        paths = [cgroup.path for cgroup in tree.walk()]
    parts = container_path(host).strip("/").split("/")
    assert paths == ["/", *("/" + "/".join(parts[: end + 1]) for end in range(len(parts)))]
    assert tree.unlisted == ()


def test_parents_come_before_children_and_a_subtree_stays_together(tmp_path: Path) -> None:
    _make(tmp_path, "a/b", "a-b", "a/c/d", "z", "a.slice")
    with CgroupTree(Hierarchies(unified=str(tmp_path))) as tree:
        paths = [cgroup.path for cgroup in tree.walk()]
    assert paths == ["/", "/a", "/a/b", "/a/c", "/a/c/d", "/a-b", "/a.slice", "/z"]


def test_a_cgroup_is_its_directorys_inode_and_was_made_when_the_directory_was(
    tmp_path: Path,
) -> None:
    _make(tmp_path, "docker")
    os.utime(tmp_path / "docker", (1_700_000_000, 1_700_000_000))
    with CgroupTree(Hierarchies(unified=str(tmp_path))) as tree:
        docker = _by_path(tree)["/docker"]
    assert docker == Cgroup((tmp_path / "docker").stat().st_ino, "/docker", 1_700_000_000.0)


def test_a_cgroup_that_stays_is_the_same_object_and_one_made_anew_is_not(tmp_path: Path) -> None:
    _make(tmp_path, "stays", "anew")
    with CgroupTree(Hierarchies(unified=str(tmp_path))) as tree:
        before = _by_path(tree)
        (tmp_path / "anew").rename(tmp_path / "away")
        _make(tmp_path, "anew")
        after = _by_path(tree)
    assert after["/stays"] is before["/stays"]
    assert after["/anew"].inode == (tmp_path / "anew").stat().st_ino != before["/anew"].inode


def test_files_and_symbolic_links_are_no_cgroups(tmp_path: Path) -> None:
    _make(tmp_path, "a")
    (tmp_path / "a/loop").symlink_to(tmp_path)
    (tmp_path / "cpu.stat").write_text("")
    with CgroupTree(Hierarchies(unified=str(tmp_path))) as tree:
        assert list(_by_path(tree)) == ["/", "/a"]


def test_a_tree_deeper_than_python_may_recurse_is_walked(tmp_path: Path) -> None:
    depth = 1100
    directories = [tmp_path]
    for _ in range(depth):
        directories.append(directories[-1] / "d")
        directories[-1].mkdir()
    try:
        with CgroupTree(Hierarchies(unified=str(tmp_path))) as tree:
            assert len(tree.walk()) == depth + 1
    finally:
        for directory in reversed(directories[1:]):
            directory.rmdir()


def test_a_directory_that_vanishes_during_the_walk_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _make(tmp_path, "a/b", "c/d")
    real = os.stat

    def stat(path: str) -> os.stat_result:
        if path.endswith("/c"):
            raise FileNotFoundError(2, "No such file or directory", path)
        return real(path)

    with CgroupTree(Hierarchies(unified=str(tmp_path))) as tree:
        monkeypatch.setattr(os, "stat", stat)
        assert list(_by_path(tree)) == ["/", "/a", "/a/b"]
        assert tree.unlisted == ()


def test_a_directory_that_may_not_be_listed_is_named_and_the_rest_is_walked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _make(tmp_path, "a/b", "c/d")
    real = os.scandir

    def scandir(path: str) -> object:
        if path.endswith("/a"):
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    with CgroupTree(Hierarchies(unified=str(tmp_path))) as tree:
        monkeypatch.setattr(os, "scandir", scandir)
        assert list(_by_path(tree)) == ["/", "/a", "/c", "/c/d"]
        assert tree.unlisted == (f"{tmp_path}/a: Permission denied",)


def test_a_mount_that_is_gone_is_an_error_not_an_empty_host(tmp_path: Path) -> None:
    with (
        CgroupTree(Hierarchies(unified=str(tmp_path / "gone"))) as tree,
        pytest.raises(FileNotFoundError),
    ):
        tree.walk()


def _hybrid(tmp_path: Path) -> Hierarchies:
    """both: in memory and unified; v1: in memory alone; v2: in unified alone."""
    _make(tmp_path / "memory", "both", "both/inner", "v1")
    _make(tmp_path / "unified", "both", "both/other", "v2")
    return Hierarchies(unified=str(tmp_path / "unified"), v1={"memory": str(tmp_path / "memory")})


def test_a_hybrid_host_has_the_cgroups_of_both_trees_in_one_order(tmp_path: Path) -> None:
    with CgroupTree(_hybrid(tmp_path)) as tree:
        cgroups = _by_path(tree)
    assert list(cgroups) == ["/", "/both", "/both/inner", "/both/other", "/v1", "/v2"]


def test_on_a_hybrid_host_the_number_is_the_unified_trees_where_it_has_the_path(
    tmp_path: Path,
) -> None:
    with CgroupTree(_hybrid(tmp_path)) as tree:
        cgroups = _by_path(tree)
    unified, memory = tmp_path / "unified", tmp_path / "memory"
    assert cgroups["/both"].inode == (unified / "both").stat().st_ino
    assert cgroups["/v2"].inode == (unified / "v2").stat().st_ino
    assert cgroups["/v1"].inode == (memory / "v1").stat().st_ino | V1_ONLY
    assert len({cgroup.inode for cgroup in cgroups.values()}) == len(cgroups)


def test_on_a_v1_host_the_number_is_the_directorys_own(tmp_path: Path) -> None:
    _make(tmp_path, "v1")
    with CgroupTree(Hierarchies(unified=None, v1={"memory": str(tmp_path)})) as tree:
        assert _by_path(tree)["/v1"].inode == (tmp_path / "v1").stat().st_ino


def test_pids_are_those_directly_in_the_cgroup_from_the_tree_that_has_them(tmp_path: Path) -> None:
    with CgroupTree(_hybrid(tmp_path)) as tree:
        cgroups = _by_path(tree)
        (tmp_path / "memory/both/cgroup.procs").write_text("1\n2\n")
        (tmp_path / "memory/v1/cgroup.procs").write_text("3\n")
        (tmp_path / "unified/v2/cgroup.procs").write_text("4\n4\n0\n")
        assert tree.pids(cgroups["/both"]) == (1, 2)
        assert tree.pids(cgroups["/v1"]) == (3,)
        assert tree.pids(cgroups["/v2"]) == (4,)
        assert tree.pids(cgroups["/"]) == ()
        (tmp_path / "unified/both/cgroup.procs").write_text("5\n")
        assert tree.pids(cgroups["/both"]) == (5,)


def test_of_a_cgroup_without_processes_those_below_it_are_its_own(tmp_path: Path) -> None:
    _make(tmp_path, "scope/container/init.scope", "slice")
    (tmp_path / "scope/cgroup.procs").write_text("")
    (tmp_path / "scope/container/cgroup.procs").write_text("7\n")
    (tmp_path / "scope/container/init.scope/cgroup.procs").write_text("8\n9\n")
    with CgroupTree(Hierarchies(unified=str(tmp_path))) as tree:
        cgroups = _by_path(tree)
        assert tree.pids(cgroups["/scope"]) == (7, 8, 9)
        assert tree.pids(cgroups["/scope/container"]) == (7,)
        assert tree.pids(cgroups["/slice"]) == ()
        # Everything is below the root: it is asked for by nobody.
        assert tree.pids(cgroups["/"]) == ()


def test_a_vanished_cgroup_has_no_pids(tmp_path: Path) -> None:
    _make(tmp_path, "a")
    with CgroupTree(Hierarchies(unified=str(tmp_path))) as tree:
        cgroup = _by_path(tree)["/a"]
        (tmp_path / "a").rename(tmp_path / "away")
        assert tree.pids(cgroup) == ()
