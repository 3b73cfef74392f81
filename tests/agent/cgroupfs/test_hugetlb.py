from __future__ import annotations

from pathlib import Path

import pytest

from agent.cgroupfs.hierarchies import Hierarchies
from agent.cgroupfs.hugetlb import page_sizes
from agent.cgroupfs.reading import CgroupReading, HugePages
from agent.cgroupfs.tree import CgroupTree
from agent.kernelfile import UNLIMITED


def _read(mounted: Hierarchies, *details: str) -> CgroupReading:
    with CgroupTree(mounted, details=details, page_sizes=("2MB", "1GB")) as tree:
        (cgroup,) = (cgroup for cgroup in tree.walk() if cgroup.path == "/a")
        reading = tree.read(cgroup)
    assert reading is not None
    assert (reading.denied, reading.failed) == ((), ())
    return reading


@pytest.fixture
def v2(tmp_path: Path) -> Path:
    """Linux 6.18's texts; the host they are from has two sizes."""
    directory = tmp_path / "v2" / "a"
    directory.mkdir(parents=True)
    for size, current in (("2MB", 4194304), ("1GB", 0)):
        (directory / f"hugetlb.{size}.current").write_text(f"{current}\n")
        (directory / f"hugetlb.{size}.max").write_text("max\n")
        (directory / f"hugetlb.{size}.events").write_text("max 3\n")
        (directory / f"hugetlb.{size}.rsvd.current").write_text("2097152\n")
    return directory.parent


def test_every_page_size_is_read_from_cgroup_v2(v2: Path) -> None:
    assert _read(Hierarchies(unified=str(v2)), "hugetlb").hugetlb == (
        HugePages("2MB", 4194304, UNLIMITED, 3, 2097152),
        HugePages("1GB", 0, UNLIMITED, 3, 2097152),
    )


def test_a_v1_host_says_the_same_and_its_peak(tmp_path: Path) -> None:
    # By Documentation/admin-guide/cgroup-v1/hugetlb.rst; the limit is the kernel's "none".
    directory = tmp_path / "hugetlb" / "a"
    directory.mkdir(parents=True)
    for name, text in (
        ("usage_in_bytes", "2097152"),
        ("limit_in_bytes", "9223372036852678656"),
        ("failcnt", "5"),
        ("rsvd.usage_in_bytes", "0"),
        ("max_usage_in_bytes", "6291456"),
    ):
        (directory / f"hugetlb.2MB.{name}").write_text(text + "\n")
    mounted = Hierarchies(unified=None, v1={"hugetlb": str(directory.parent)})
    assert _read(mounted, "hugetlb").hugetlb == (
        HugePages("2MB", 2097152, UNLIMITED, 5, 0, 6291456),
    )


def test_a_hybrid_host_may_have_the_controller_on_v2(v2: Path, tmp_path: Path) -> None:
    (tmp_path / "memory" / "a").mkdir(parents=True)
    mounted = Hierarchies(unified=str(v2), v1={"memory": str(tmp_path / "memory")})
    pages = _read(mounted, "hugetlb").hugetlb
    assert pages is not None
    assert [size.current for size in pages] == [4194304, 0]


def test_without_the_controller_there_are_no_huge_pages_rather_than_zero(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    assert _read(Hierarchies(unified=str(tmp_path)), "hugetlb").hugetlb is None


def test_nothing_is_read_where_nobody_asked(v2: Path) -> None:
    assert _read(Hierarchies(unified=str(v2))).hugetlb is None


def test_page_sizes_are_named_as_the_kernel_names_the_files(tmp_path: Path) -> None:
    for name in ("hugepages-1048576kB", "hugepages-64kB", "hugepages-2048kB", "other"):
        (tmp_path / name).mkdir()
    assert page_sizes(str(tmp_path)) == ("64KB", "2MB", "1GB")
    assert page_sizes(str(tmp_path / "nothing")) == ()
