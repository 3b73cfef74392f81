from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.inotify import Inotify
from agent.lifecycle.tree_watch import PathChange, TreeWatch


@pytest.fixture
def watches() -> Iterator[Inotify]:
    instance = Inotify()
    yield instance
    instance.close()


def may_hold(path: str) -> bool:
    return "box" not in path


def came(*paths: str) -> set[PathChange]:
    return {PathChange(path, True) for path in paths}


def went(*paths: str) -> set[PathChange]:
    return {PathChange(path, False) for path in paths}


def test_the_first_scan_finds_all_but_what_is_inside_a_container(
    watches: Inotify, tmp_path: Path
) -> None:
    (tmp_path / "docker" / "box1" / "inside").mkdir(parents=True)
    tree = TreeWatch([str(tmp_path)], watches, may_hold)
    assert set(tree.scan()) == came("/docker", "/docker/box1")
    assert tree.watched == 2
    assert tree.complete


def test_what_is_made_and_removed_later_is_told(watches: Inotify, tmp_path: Path) -> None:
    tree = TreeWatch([str(tmp_path)], watches, may_hold)
    assert tree.scan() == []
    (tmp_path / "docker").mkdir()
    assert set(tree.changes(watches.read())) == came("/docker")
    (tmp_path / "docker" / "box1").mkdir()
    assert set(tree.changes(watches.read())) == came("/docker/box1")
    (tmp_path / "docker" / "box1").rmdir()
    assert set(tree.changes(watches.read())) == went("/docker/box1")


def test_what_was_made_before_the_watch_was_added_is_told_once(
    watches: Inotify, tmp_path: Path
) -> None:
    tree = TreeWatch([str(tmp_path)], watches, may_hold)
    tree.scan()
    (tmp_path / "pod" / "box1").mkdir(parents=True)
    assert sorted(tree.changes(watches.read())) == sorted(came("/pod", "/pod/box1"))
    assert tree.changes(watches.read()) == []
    assert tree.scan() == []


def test_a_path_is_there_as_long_as_one_hierarchy_has_it(watches: Inotify, tmp_path: Path) -> None:
    memory, unified = tmp_path / "memory", tmp_path / "unified"
    memory.mkdir()
    unified.mkdir()
    tree = TreeWatch([str(memory), str(unified)], watches, may_hold)
    tree.scan()
    (unified / "box1").mkdir()
    (memory / "box1").mkdir()
    assert tree.changes(watches.read()) == [PathChange("/box1", True)]
    (memory / "box1").rmdir()
    assert tree.changes(watches.read()) == []
    (unified / "box1").rmdir()
    assert tree.changes(watches.read()) == [PathChange("/box1", False)]


def test_a_scan_makes_up_for_lost_events(watches: Inotify, tmp_path: Path) -> None:
    (tmp_path / "box1").mkdir()
    tree = TreeWatch([str(tmp_path)], watches, may_hold)
    tree.scan()
    (tmp_path / "box1").rename(tmp_path / "elsewhere")  # as good as removed
    (tmp_path / "box1").mkdir()
    (tmp_path / "elsewhere").rmdir()
    (tmp_path / "box2").mkdir()
    watches.read()  # lost
    found = tree.scan()
    assert set(found) == went("/box1") | came("/box1", "/box2")
    assert found.index(PathChange("/box1", False)) < found.index(PathChange("/box1", True))


def test_a_directory_made_anew_is_watched_anew(watches: Inotify, tmp_path: Path) -> None:
    tree = TreeWatch([str(tmp_path)], watches, may_hold)
    tree.scan()
    for _ in range(2):
        (tmp_path / "pod").mkdir()
        tree.changes(watches.read())
        (tmp_path / "pod" / "box1").mkdir()
        assert set(tree.changes(watches.read())) == came("/pod/box1")
        (tmp_path / "pod" / "box1").rmdir()
        (tmp_path / "pod").rmdir()
        assert set(tree.changes(watches.read())) == went("/pod/box1", "/pod")


def test_nothing_more_is_told_below_what_is_pruned(watches: Inotify, tmp_path: Path) -> None:
    (tmp_path / "web").mkdir()
    tree = TreeWatch([str(tmp_path)], watches, may_hold)
    tree.scan()
    tree.prune("/web")
    (tmp_path / "web" / "system.slice").mkdir()
    assert tree.changes(watches.read()) == []
    assert tree.watched == 1


def test_mounts_of_systemd_are_not_watched(watches: Inotify, tmp_path: Path) -> None:
    (tmp_path / "run-x.mount" / "below").mkdir(parents=True)
    tree = TreeWatch([str(tmp_path)], watches, may_hold)
    assert set(tree.scan()) == came("/run-x.mount")


class NoWatchLeft(Inotify):
    def add(self, path: str, mask: int) -> int:
        raise OSError(errno.ENOSPC, "No space left on device", path)


def test_without_a_watch_left_it_says_so_and_scans_find_things(tmp_path: Path) -> None:
    watches = NoWatchLeft()
    try:
        tree = TreeWatch([str(tmp_path)], watches, may_hold)
        tree.scan()
        assert not tree.complete
        (tmp_path / "box1").mkdir()
        assert tree.scan() == [PathChange("/box1", True)]
    finally:
        watches.close()


def test_a_host_without_an_instance_left_is_scanned_too(tmp_path: Path) -> None:
    tree = TreeWatch([str(tmp_path)], None, may_hold)
    assert not tree.complete
    (tmp_path / "box1").mkdir()
    assert tree.scan() == [PathChange("/box1", True)]


def told(
    tree: TreeWatch, root: Path, path: str, number: int, *, made: bool = True
) -> list[PathChange]:
    return tree.told(str(root), path, number, made=made)


def test_the_kernel_tells_what_came_and_went_without_inotify(tmp_path: Path) -> None:
    tree = TreeWatch([str(tmp_path)], None, may_hold)
    assert told(tree, tmp_path, "/docker", 5) == [PathChange("/docker", True)]
    assert told(tree, tmp_path, "/docker/box1", 6) == [PathChange("/docker/box1", True)]
    assert told(tree, tmp_path, "/docker/box1/inside", 7) == []
    assert told(tree, tmp_path, "/docker/box1/inside/more", 8) == []
    assert told(tree, tmp_path, "/docker/box1/inside", 7, made=False) == []
    assert told(tree, tmp_path, "/docker/box1", 6, made=False) == [
        PathChange("/docker/box1", False)
    ]
    assert told(tree, tmp_path, "/docker/box1", 6, made=False) == []


def test_one_path_twice_is_two_and_old_news_of_the_first_is_none(tmp_path: Path) -> None:
    tree = TreeWatch([str(tmp_path)], None, may_hold)
    assert told(tree, tmp_path, "/box1", 5) == [PathChange("/box1", True)]
    # Its removal was lost.
    assert told(tree, tmp_path, "/box1", 9) == [
        PathChange("/box1", False),
        PathChange("/box1", True),
    ]
    assert told(tree, tmp_path, "/box1", 5, made=False) == []
    assert told(tree, tmp_path, "/box1", 5) == []
    assert told(tree, tmp_path, "/box1", 9, made=False) == [PathChange("/box1", False)]


def test_what_both_tell_is_told_once_whoever_is_first(watches: Inotify, tmp_path: Path) -> None:
    tree = TreeWatch([str(tmp_path)], watches, may_hold)
    tree.scan()
    (tmp_path / "box1").mkdir()
    number = (tmp_path / "box1").stat().st_ino
    assert told(tree, tmp_path, "/box1", number) == [PathChange("/box1", True)]
    assert tree.changes(watches.read(), told=True) == []
    (tmp_path / "box2").mkdir()
    second = (tmp_path / "box2").stat().st_ino
    assert tree.changes(watches.read(), told=True) == [PathChange("/box2", True)]
    assert told(tree, tmp_path, "/box2", second) == []
    (tmp_path / "box1").rmdir()
    assert tree.changes(watches.read(), told=True) == [PathChange("/box1", False)]
    assert told(tree, tmp_path, "/box1", number, made=False) == []


def test_what_was_removed_before_inotify_was_read_is_left_to_the_kernel(
    watches: Inotify, tmp_path: Path
) -> None:
    tree = TreeWatch([str(tmp_path)], watches, may_hold)
    tree.scan()
    (tmp_path / "box1").mkdir()
    (tmp_path / "box1").rmdir()
    assert tree.changes(watches.read(), told=True) == []
    assert told(tree, tmp_path, "/box1", 5) == [PathChange("/box1", True)]
    assert told(tree, tmp_path, "/box1", 5, made=False) == [PathChange("/box1", False)]


def test_nothing_is_told_of_what_is_inside_a_container_found_by_name(tmp_path: Path) -> None:
    tree = TreeWatch([str(tmp_path)], None, may_hold)
    told(tree, tmp_path, "/job", 5)
    tree.prune("/job")
    assert told(tree, tmp_path, "/job/inside", 6) == []
    assert told(tree, tmp_path, "/job", 5, made=False) == [PathChange("/job", False)]
    told(tree, tmp_path, "/job", 7)
    assert told(tree, tmp_path, "/job/inside", 8) == [PathChange("/job/inside", True)]


def test_a_container_is_watched_once_a_runtime_has_a_directory_in_it(
    watches: Inotify, tmp_path: Path
) -> None:
    box = tmp_path / "docker" / "box1"
    (box / "plain").mkdir(parents=True)
    tree = TreeWatch(
        [str(tmp_path)], watches, lambda path: "plain" not in path, lambda path: "box" in path[-4:]
    )
    assert set(tree.scan()) == came("/docker", "/docker/box1")
    assert tree.watched == 2  # the mount and /docker
    (box / "pods").mkdir()
    assert tree.changes(watches.read()) == []
    assert set(tree.scan()) == came("/docker/box1/plain", "/docker/box1/pods")
    (box / "pods" / "box2").mkdir()
    assert set(tree.changes(watches.read())) == came("/docker/box1/pods/box2")
    (box / "pods" / "box2").rmdir()
    assert set(tree.changes(watches.read())) == went("/docker/box1/pods/box2")
