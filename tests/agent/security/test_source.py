"""agent.security.source: how often it looks, and what it does with what it may not read."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from agent.cgroupfs.reading import CgroupReading
from agent.container.container import Container
from agent.security.gather import Subject
from agent.security.source import RECHECK, SPREAD, Postures
from tests.agent.container.tree import ID, TASKS, Tree, captured
from tests.agent.security.samples import RUNTIMES

STATUS = RUNTIMES / "docker-process"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0
        self.step = 0.0

    def __call__(self) -> float:
        self.now += self.step
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    made = Tree(tmp_path)
    made.process(1, 0, ["init"])
    for name in ("status", "mountinfo"):
        shutil.copy(STATUS / name, made.at(f"/proc/1/{name}"))
    return made


def subject(tree: Tree, pid: int = 300, comm: str = "app", image: str = "app:1") -> Subject:
    tree.process(pid, 1, [comm])
    for name in ("status", "mountinfo", "uid_map"):
        shutil.copy(STATUS / name, tree.at(f"/proc/{pid}/{name}"))
    tree.bundle(f"{TASKS}/moby/{ID}", captured("docker-oci-config.json"))
    container = Container(runtime="docker", id=ID, name="web", image=image, pid=pid, started=5.0)
    return Subject(tree.cgroup(f"/docker/{ID}"), container, lambda: (), (CgroupReading(),))


def source(tree: Tree, clock: Clock, budget: float = 1.0) -> Postures:
    return Postures(tree.paths, now=clock, budget=budget)


def test_a_container_is_looked_at_once_and_again_after_an_hour(tree: Tree, clock: Clock) -> None:
    asked, postures = subject(tree), source(tree, clock)
    inode = asked.cgroup.inode
    first = postures.read([asked]).postures[inode]
    clock.now += RECHECK - 1
    assert postures.read([asked]).postures[inode] is first
    status = tree.at("/proc/300/status")
    status.write_text(status.read_text().replace("Seccomp:\t2", "Seccomp:\t0"))
    clock.now += SPREAD + 2
    again = postures.read([asked]).postures[inode]
    assert (first.seccomp, again.seccomp) == ("filter", "off")
    assert "drift" in {finding.check.id for finding in again.failed}


def test_a_restart_or_a_new_name_of_the_image_is_looked_at_at_once(
    tree: Tree, clock: Clock
) -> None:
    asked, postures = subject(tree), source(tree, clock)
    inode = asked.cgroup.inode
    first = postures.read([asked]).postures[inode]
    renamed = asked._replace(container=replace(asked.container, image="app"))
    second = postures.read([renamed]).postures[inode]
    assert "image_tag_latest" in {finding.check.id for finding in second.failed}
    assert second is not first


def test_the_runtimes_own_program_is_not_taken_for_the_containers(tree: Tree, clock: Clock) -> None:
    asked, postures = subject(tree, comm="runc:[2:INIT]"), source(tree, clock)
    assert postures.read([asked]).postures == {}
    stat = tree.at("/proc/300/stat")
    stat.write_text(stat.read_text().replace("runc:[2:INIT]", "app"))
    assert asked.cgroup.inode in postures.read([asked]).postures


def test_a_program_that_is_called_like_a_runtime_is_looked_at_in_the_end(
    tree: Tree, clock: Clock
) -> None:
    asked, postures = subject(tree, comm="crun"), source(tree, clock)
    ticks = [bool(postures.read([asked]).postures) for _ in range(10)]
    assert ticks == [False] * 9 + [True]


def test_a_tick_stops_looking_when_its_time_is_spent(tree: Tree, clock: Clock) -> None:
    asked = [subject(tree, pid) for pid in range(300, 306)]
    postures = source(tree, clock, budget=0.05)
    clock.step = 0.02
    counts = [len(postures.read(asked).postures) for _ in range(4)]
    assert 0 < counts[0] < 6
    assert counts == sorted(counts)
    assert counts[-1] == 6


def test_what_is_gone_is_forgotten(tree: Tree, clock: Clock) -> None:
    asked, postures = subject(tree), source(tree, clock)
    postures.read([asked])
    assert postures.read([]).postures == {}
    shutil.rmtree(tree.at("/proc/300"))
    assert postures.read([asked]).postures == {}


def test_a_torn_bundle_is_told_and_its_checks_are_unknown(tree: Tree, clock: Clock) -> None:
    asked, postures = subject(tree), source(tree, clock)
    tree.write(f"{TASKS}/moby/{ID}/config.json", b'{"process":')
    reading = postures.read([asked])
    assert "config.json: not JSON" in reading.failures[0]
    found = reading.postures[asked.cgroup.inode]
    assert {"host_devices", "drift"} <= {finding.check.id for finding in found.unknown}
    assert found.seccomp == "filter"


def test_a_first_process_that_is_not_known_is_the_oldest_of_the_cgroup(
    tree: Tree, clock: Clock
) -> None:
    known = subject(tree)
    unknown = replace(known.container, pid=None)
    asked = known._replace(container=unknown, pids=lambda: (900, 300))
    assert source(tree, clock).read([asked]).postures[asked.cgroup.inode].seccomp == "filter"
    empty = known._replace(container=unknown)
    assert source(tree, clock).read([empty]).postures == {}


def test_checks_to_ignore_are_not_told(tree: Tree, clock: Clock) -> None:
    postures = Postures(tree.paths, frozenset({"root_user"}), now=clock)
    asked = subject(tree)
    found = postures.read([asked]).postures[asked.cgroup.inode]
    assert "root_user" not in {finding.check.id for finding in found.failed}
