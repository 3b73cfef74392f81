from __future__ import annotations

from pathlib import Path

import pytest

from agent.container.unplaced import EVERY, Unplaced
from tests.agent.container.tree import ID, OTHER_ID, Tree, captured, oci

PODMAN_ID = "39f3ae76f3cb187f4e7ec6be942550b4a38120f8d74defec6c5657123a55a596"
USERDATA = f"/home/me/.local/share/containers/storage/vfs-containers/{PODMAN_ID}/userdata"


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def conmon(tree: Tree, pid: int, child: int, cgroup: str) -> None:
    tree.write(f"{USERDATA}/config.json", captured("podman-oci-config.json"))
    store = USERDATA.removesuffix(f"/{PODMAN_ID}/userdata")
    tree.write(f"{store}/containers.json", captured("podman-containers.json"))
    argv = ["/usr/bin/conmon", "-c", PODMAN_ID, "-n", "web", "-b", USERDATA]
    tree.process(pid, 1, argv)
    tree.process(child, pid, ["sleep"], cgroup=cgroup)
    children(tree, pid, child)


def children(tree: Tree, pid: int, *of: int) -> None:
    task = tree.root / "proc" / str(pid) / "task" / str(pid)
    task.mkdir(parents=True)
    (task / "children").write_text("".join(f"{child} " for child in of))


def look(tree: Tree, *placed: str) -> Unplaced:
    unplaced = Unplaced(tree.paths)
    unplaced.look(lambda: set(placed))
    return unplaced


def test_a_container_in_its_users_cgroup_is_found_and_named(tree: Tree) -> None:
    conmon(tree, 10, 11, "/user.slice/user-1000.slice")
    unplaced = look(tree)
    (container,) = unplaced.found
    assert (container.runtime, container.id, container.name) == ("podman", PODMAN_ID, "web")
    assert (container.image, container.pid) == ("localhost/busybox:local", 11)
    assert unplaced.failures() == ()


@pytest.mark.parametrize(
    "cgroup",
    [
        f"/libpod_parent/libpod-{PODMAN_ID}",
        f"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{PODMAN_ID}.scope",
        f"/../../libpod_parent/libpod-{PODMAN_ID}/container",
    ],
)
def test_a_container_with_a_cgroup_is_none_of_them(tree: Tree, cgroup: str) -> None:
    conmon(tree, 10, 11, cgroup)
    assert look(tree).found == ()


def test_a_container_whose_id_is_free_text_is_known_by_its_cgroup(tree: Tree) -> None:
    tree.shim(10, "default", "web")
    tree.bundle("/run/containerd/io.containerd.runtime.v2.task/default/web", oci())
    tree.process(11, 10, ["sleep"], cgroup="/../../default/web/sub")
    children(tree, 10, 11)
    assert look(tree, "/default/web").found == ()
    (container,) = look(tree, "/default/other").found
    assert (container.runtime, container.name) == ("containerd", "web")


def test_rootless_docker_is_named_by_its_record(tree: Tree) -> None:
    tree.docker(root="/home/me/docker")
    hosts = f"/home/me/docker/containers/{ID}/hosts"
    tree.shim(10, "moby", ID, tasks="/run/user/1000/tasks")
    tree.bundle(f"/run/user/1000/tasks/moby/{ID}", oci(mounts=[(hosts, "/etc/hosts")]))
    tree.process(11, 10, ["nginx"])
    tree.process(12, 10, ["sh"])  # docker exec
    children(tree, 10, 11, 12)
    (container,) = look(tree).found
    assert (container.runtime, container.name) == ("docker", "rt-test")


def test_other_processes_are_left_alone(tree: Tree) -> None:
    tree.process(10, 1, ["bash"])
    tree.process(11, 10, ["sleep"])
    children(tree, 10, 11)
    tree.shim(12, "moby", OTHER_ID)  # still without a child
    children(tree, 12)
    assert look(tree).found == ()


def test_it_looks_through_proc_once_a_minute(tree: Tree) -> None:
    time = 0.0
    unplaced = Unplaced(tree.paths, now=lambda: time)
    asked = []

    def placed() -> set[str]:
        asked.append(time)
        return set()

    for second in range(130):
        time = float(second)
        unplaced.look(placed)
    assert asked == [0, EVERY, 2 * EVERY]


def test_a_proc_that_may_not_be_read_is_said(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(path: str) -> list[str]:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr("os.listdir", denied)
    unplaced = look(tree)
    assert unplaced.found == ()
    assert unplaced.failures() == (f"{tree.paths.proc}: Permission denied",)
