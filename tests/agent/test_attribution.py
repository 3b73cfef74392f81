"""Whose counts are whose, over invented trees."""

from __future__ import annotations

from pathlib import Path

from agent.attribution import Attribution, owners
from agent.cgroupfs.reading import Cgroup
from agent.container.container import Container, Kind
from tests.agent.snapshots import docker


def tree(*paths: str) -> list[Cgroup]:
    return [Cgroup(number, path, 0.0) for number, path in enumerate(paths, 1)]


def pod() -> Container:
    return Container(kind=Kind.POD, runtime="cri-o", id="", pod_uid="1")


def test_a_containers_own_cgroups_are_its_own_at_any_depth() -> None:
    cgroups = tree("/", "/docker", "/docker/a", "/docker/a/x", "/docker/a/x/y", "/docker/ab", "/s")
    assert owners(cgroups, {3: docker("a"), 6: docker("ab")}) == {
        1: 1,
        2: 2,
        3: 3,
        4: 3,
        5: 3,
        6: 6,
        7: 7,
    }


def test_a_container_in_a_container_has_its_own() -> None:
    cgroups = tree("/", "/a", "/a/docker", "/a/docker/b", "/a/docker/b/c")
    assert owners(cgroups, {2: docker("a"), 4: docker("b")}) == {1: 1, 2: 2, 3: 2, 4: 4, 5: 4}


def test_a_pods_cgroup_does_not_take_what_is_in_it() -> None:
    cgroups = tree("/", "/pod", "/pod/a", "/pod/unknown")
    assert owners(cgroups, {2: pod(), 3: docker("a")}) == {1: 1, 2: 2, 3: 3, 4: 4}


def test_on_v1_the_ids_of_blkio_are_its_directories(tmp_path: Path) -> None:
    (tmp_path / "docker/a").mkdir(parents=True)
    cgroups = tree("/", "/docker", "/docker/a", "/docker/elsewhere")
    found = Attribution(str(tmp_path)).owners(cgroups, {3: docker("a")})
    number = (tmp_path / "docker/a").stat().st_ino
    assert found["blkio"][number] == 3
    assert len(found["blkio"]) == 3
    assert found["unified"] == {1: 1, 2: 2, 3: 3, 4: 4}


def test_on_v2_there_is_one_hierarchy() -> None:
    found = Attribution(None).owners(tree("/", "/a"), {2: docker("a")})
    assert found["blkio"] == found["unified"] == {1: 1, 2: 2}
