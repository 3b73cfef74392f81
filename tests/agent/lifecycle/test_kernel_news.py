"""What the probe tells, with somebody who tells it."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.bpf.cgroup_news import CgroupChange, CgroupEvent, ProcessEnded
from agent.cgroupfs.hierarchies import Hierarchies
from agent.cgroupfs.reading import Cgroup
from agent.container.identity import identify
from agent.lifecycle import kernel_news
from agent.lifecycle.kernel_news import KernelNews, MountChange, parse_hierarchies
from agent.lifecycle.run import Run
from agent.lifecycle.tracked import Tracked

CGROUPS = "#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpu\t7\t3\t1\nmemory\t4\t7\t1\n"
EXIT_3 = 3 << 8


class Told:
    """Tells what it was given."""

    fd = 99
    tells = True

    def __init__(self, *events: CgroupEvent, lost: bool = False) -> None:
        self.events = list(events)
        self.lost = lost
        self.wanted: set[int] = set()
        self.hierarchies: set[int] = set()

    def listen(self, hierarchies: Collection[int]) -> None:
        self.hierarchies |= set(hierarchies)

    def read(self) -> tuple[list[CgroupEvent], bool]:
        events, self.events = self.events, []
        return events, self.lost

    def want(self, pid: int) -> None:
        self.wanted.add(pid)

    def forget(self, pid: int) -> None:
        self.wanted.discard(pid)


@pytest.fixture
def hierarchies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hierarchies:
    monkeypatch.setattr(kernel_news, "_is_whole", lambda _: True)
    (tmp_path / "2").mkdir()
    (tmp_path / "2" / "comm").write_text("kthreadd\n")
    (tmp_path / "cgroups").write_text(CGROUPS)
    return Hierarchies("/cg/unified", {"memory": "/cg/memory", "cpu": "/cg/cpu"})


def tracked(pid: int | None = None, number: int = 0, seen_at: float = 0.0) -> Tracked:
    path = "/docker/" + "7f" * 32
    found = Tracked(path, identify(path), Run(Cgroup(0, path, 0.0), at=0.0), seen_at)
    found.pid, found.number = pid, number
    return found


def test_changes_are_told_by_mount_and_those_of_other_hierarchies_are_none(
    hierarchies: Hierarchies, tmp_path: Path
) -> None:
    teller = Told(
        CgroupChange(True, 0, "/a", 41),
        CgroupChange(True, 7, "/a", 42),
        CgroupChange(False, 4, "/a", 43),
    )
    news = KernelNews(teller, hierarchies, str(tmp_path))
    assert (news.fd, news.complete, teller.hierarchies) == (99, True, {0, 4})
    assert news.read() == (
        [
            MountChange("/cg/unified", "/a", True, 41, True),
            MountChange("/cg/memory", "/a", False, 43, False),
        ],
        frozenset(),
        False,
    )
    assert news.read() == ([], frozenset(), False)


def test_a_path_that_is_too_long_is_a_loss(hierarchies: Hierarchies, tmp_path: Path) -> None:
    news = KernelNews(Told(CgroupChange(True, 0, "", 41)), hierarchies, str(tmp_path))
    assert news.read() == ([], frozenset(), True)
    assert KernelNews(Told(lost=True), hierarchies, str(tmp_path)).read().lost


def test_an_end_is_the_held_process_or_the_first_of_a_cgroup_nobody_was_found_in(
    hierarchies: Hierarchies, tmp_path: Path
) -> None:
    teller = Told(ProcessEnded(101, EXIT_3, 41), ProcessEnded(103, 9, 43))
    news = KernelNews(teller, hierarchies, str(tmp_path))
    news.want(101)
    assert teller.wanted == {101}
    assert news.read().ended_in == {41, 43}
    assert news.status(tracked(pid=101)) == EXIT_3
    assert news.status(tracked(pid=102, number=41)) is None, "another process of the container"
    assert news.status(tracked(number=43)) == 9
    assert news.status(tracked()) is None
    late = float("inf")
    assert news.status(tracked(pid=101, seen_at=late)) is None, "an earlier process"
    assert news.status(tracked(pid=101, number=41, seen_at=late)) == EXIT_3, "told all at once"
    news.forget(101)
    news.forget(101)
    assert teller.wanted == set()


def test_pids_of_another_namespace_are_not_the_kernels(
    hierarchies: Hierarchies, tmp_path: Path
) -> None:
    (tmp_path / "2" / "comm").write_text("sh\n")
    teller = Told(ProcessEnded(101, EXIT_3, 41))
    news = KernelNews(teller, hierarchies, str(tmp_path))
    news.want(101)
    assert teller.wanted == set()
    news.read()
    assert news.status(tracked(pid=101)) is None
    assert news.status(tracked(number=41)) == EXIT_3


def test_only_so_many_ends_are_kept(hierarchies: Hierarchies, tmp_path: Path) -> None:
    ends = [ProcessEnded(pid, 0, pid) for pid in range(1, 5001)]
    news = KernelNews(Told(*ends), hierarchies, str(tmp_path))
    news.read()
    assert news.status(tracked(pid=904)) is None
    assert news.status(tracked(pid=905)) == 0


def test_without_the_probe_nothing_is_told(hierarchies: Hierarchies, tmp_path: Path) -> None:
    news = KernelNews(None, hierarchies, str(tmp_path))
    assert (news.fd, news.complete, news.read()) == (-1, False, ([], frozenset(), False))
    news.want(1)
    news.forget(1)
    assert news.status(tracked(pid=1)) is None


def test_a_mount_of_a_part_has_other_paths(tmp_path: Path) -> None:
    part = Hierarchies(str(tmp_path))
    assert not KernelNews(Told(), part, str(tmp_path)).complete


def test_controllers_have_the_numbers_of_their_hierarchies() -> None:
    assert parse_hierarchies(CGROUPS) == {"cpu": 7, "memory": 4}


@given(st.text())
def test_any_text_has_numbers_or_none(text: str) -> None:
    assert all(number >= 0 for number in parse_hierarchies(text).values())
