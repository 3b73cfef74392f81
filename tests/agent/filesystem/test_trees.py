"""agent.filesystem.trees: when a tree is walked."""

from __future__ import annotations

from agent.filesystem.trees import Trees
from agent.filesystem.usage import Tree

TREE = Tree(4096, 1, True, 0.0, 0.0)


def walk(trees: Trees, path: str, now: float) -> None:
    trees.started(path)
    trees.walked(path, TREE, now, 1.0)


def test_a_new_tree_is_due_at_once() -> None:
    trees = Trees(60, 600)
    assert (trees.due(0), trees.next_due()) == ([], None)
    trees.want("/a", changed=False)
    assert trees.due(0) == ["/a"]


def test_one_that_was_written_to_is_due_after_the_interval() -> None:
    trees = Trees(60, 600)
    trees.want("/a", changed=False)
    walk(trees, "/a", 0)
    trees.want("/a", changed=True)
    assert trees.due(59) == []
    assert trees.next_due() == 60
    assert trees.due(60) == ["/a"]


def test_one_nobody_wrote_to_is_due_after_the_full_interval() -> None:
    trees = Trees(60, 600)
    trees.want("/a", changed=False)
    walk(trees, "/a", 0)
    trees.want("/a", changed=False)
    assert trees.due(599) == []
    assert trees.due(600) == ["/a"]


def test_what_is_written_during_a_walk_counts_for_the_next() -> None:
    trees = Trees(60, 600)
    trees.want("/a", changed=True)
    trees.started("/a")
    trees.want("/a", changed=True)
    trees.walked("/a", TREE, 5, 1.0)
    assert trees.due(65) == ["/a"]


def test_the_one_that_waited_longest_is_first() -> None:
    trees = Trees(60, 600)
    for path, now in (("/a", 0), ("/b", 1)):
        trees.want(path, changed=True)
        walk(trees, path, now)
        trees.want(path, changed=True)
    assert trees.due(100) == ["/a", "/b"]


def test_a_tree_nobody_uses_is_forgotten() -> None:
    trees = Trees(60, 600)
    for path in ("/a", "/b"):
        trees.want(path, changed=True)
        walk(trees, path, 0)
    trees.retain(["/b"])
    assert list(trees.sizes) == ["/b"]
    assert trees.due(1e9) == ["/b"]


def test_one_that_could_not_be_walked_has_no_size_and_waits_its_turn() -> None:
    trees = Trees(60, 600)
    trees.want("/a", changed=True)
    walk(trees, "/a", 0)
    trees.started("/a")
    trees.walked("/a", None, 10, 1.0)
    assert trees.sizes == {}
    assert trees.due(20) == []
