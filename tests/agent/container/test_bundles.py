from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from agent.container.bare import parse_runc
from agent.container.bundles import bundle_directories
from agent.container.container import Container
from tests.agent.container.tree import ID, OTHER_ID, TASKS, Tree, captured


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def directories(
    tree: Tree, container: Container, pid: int | None = 300, cgroup: str = "/x"
) -> list[str]:
    return [
        path.removeprefix(str(tree.root))
        for path in bundle_directories(tree.paths, container, pid, cgroup)
    ]


def test_the_shims_working_directory_is_the_bundle_wherever_it_is(tree: Tree) -> None:
    tree.shim(200, "moby", ID, tasks="/srv/private/tasks")
    tree.process(300, 200, ["sh"])
    found = directories(tree, Container(runtime="docker", id=ID))
    assert found[0] == f"/srv/private/tasks/moby/{ID}"


def test_a_pods_container_is_beside_the_sandbox_of_its_shim(tree: Tree) -> None:
    tree.shim(200, "k8s.io", OTHER_ID)
    tree.process(300, 200, ["sh"])
    found = directories(tree, Container(runtime="containerd", id=ID))
    assert found[0] == f"{TASKS}/k8s.io/{ID}"


def test_conmon_says_it_by_an_option(tree: Tree) -> None:
    tree.process(200, 1, ["/usr/bin/conmon", "-c", ID, "-b", "/home/u/storage/x/userdata"])
    tree.process(300, 200, ["sh"])
    found = directories(tree, Container(runtime="podman", id=ID))
    assert found[0] == "/home/u/storage/x/userdata"


def test_without_a_supervisor_the_usual_places_are_tried(tree: Tree) -> None:
    tree.process(300, 1, ["sh"])
    assert f"{TASKS}/moby/{ID}" in directories(tree, Container(runtime="docker", id=ID))
    graph = "/var/lib/containers/storage/overlay-containers"
    assert f"{graph}/{ID}/userdata" in directories(tree, Container(runtime="podman", id=ID), None)


def test_runc_alone_says_it_in_its_state(tree: Tree) -> None:
    data = captured("runc-state.json")
    tree.write("/run/runc/web/state.json", data)
    state = parse_runc(orjson.loads(data), "web")
    (cgroup, *_) = state.cgroups
    found = directories(tree, Container(runtime="runc", id=state.id), None, cgroup)
    assert found == [state.bundle]
