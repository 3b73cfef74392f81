"""agent.sampler's part: which containers the security source is asked about, with which limits."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from agent.config import HostPaths
from agent.model import Snapshot
from agent.sampler import Sampler
from agent.security.gather import Subject, limits_of
from agent.security.posture import Posture, evaluate
from agent.security.reports.images import Images
from agent.security.source import Reading
from tests.agent.security.samples import facts

UID = "599e16b6-1bf2-4203-b769-6055c486c395"
POD = f"/kubepods/burstable/pod{UID}"
ID = "7f540f6c12cb648de3414f1a55e90f46506764b9330552d0352fc7d582d34add"


class Source:
    """Judges every container alike, and says what it could not read."""

    def __init__(self, posture: Posture) -> None:
        self.posture = posture
        self.asked: list[Subject] = []

    def read(self, subjects: Iterable[Subject]) -> Reading:
        self.asked = list(subjects)
        found = {subject.cgroup.inode: self.posture for subject in self.asked}
        return Reading(found, ("/b/config.json: Permission denied",))


class Reports:
    def current(self) -> Images:
        return Images(scanning=True, problems=("/r/a.json: torn", "/r/b.json: torn"))


@pytest.fixture
def paths(tmp_path: Path) -> HostPaths:
    """A cgroup v2 host with one pod of one container, and nothing of any runtime's."""
    cgroups, proc = tmp_path / "cgroup", tmp_path / "proc"
    for path, memory in (("", ""), (POD, "1048576\n"), (f"{POD}/{ID}", "max\n")):
        directory = Path(f"{cgroups}{path}")
        directory.mkdir(parents=True)
        (directory / "cgroup.procs").write_text("")
        (directory / "cgroup.controllers").write_text("cpu memory pids\n")
        if memory:
            (directory / "memory.max").write_text(memory)
    (proc / "self").mkdir(parents=True)
    (proc / "self" / "mountinfo").write_text(f"30 25 0:30 / {cgroups} rw - cgroup2 none rw\n")
    nothing = str(tmp_path / "nothing")
    return HostPaths(root=nothing, proc=str(proc), run=nothing)


def taken(paths: HostPaths, source: Source | None) -> Snapshot:
    with Sampler(paths, security=source, images=Reports()) as sampler:
        return sampler.snapshot()


def test_a_container_is_asked_about_with_its_own_and_its_pods_limits(paths: HostPaths) -> None:
    source = Source(evaluate(facts()))
    snapshot = taken(paths, source)
    (subject,) = source.asked
    assert subject.cgroup.path == f"{POD}/{ID}"
    assert len(subject.readings) == 2
    assert limits_of(subject.readings).memory == 1048576
    judged = {sample.cgroup.path for sample in snapshot.samples if sample.security is not None}
    assert judged == {f"{POD}/{ID}"}


def test_what_a_source_could_not_read_is_counted(paths: HostPaths) -> None:
    snapshot = taken(paths, Source(evaluate(facts())))
    failures = {health.source: (health.failures, health.message) for health in snapshot.health}
    assert failures["security"] == (1, "/b/config.json: Permission denied")
    assert failures["images"] == (2, "/r/a.json: torn")
    assert snapshot.images is not None


def test_without_a_source_nobody_is_judged(paths: HostPaths) -> None:
    snapshot = taken(paths, None)
    assert all(sample.security is None for sample in snapshot.samples)
