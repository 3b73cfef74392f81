"""agent.filesystem.walk against `du` and against trees made to mislead it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.filesystem.walk import Budget, walk

AMPLE = Budget(seconds=60, entries_per_second=1e9)


def du(path: Path, *options: str) -> int:
    done = subprocess.run(
        ["du", "-s", "-x", "--block-size=1", *options, str(path)], capture_output=True, check=True
    )
    return int(done.stdout.split()[0])


def fill(root: Path) -> None:
    (root / "many").mkdir()
    for number in range(300):
        (root / "many" / f"{number}").write_bytes(b"x" * (number * 37))
    (root / "big").write_bytes(b"y" * 3_000_000)
    os.link(root / "big", root / "again")
    os.link(root / "big", root / "many" / "and-again")
    with (root / "sparse").open("wb") as sparse:
        sparse.truncate(1 << 30)
        sparse.write(b"z" * 10_000)
    (root / "link").symlink_to("/usr")
    (root / "a/b/c").mkdir(parents=True)


def test_it_counts_what_du_counts(tmp_path: Path) -> None:
    fill(tmp_path)
    tree = walk(str(tmp_path), AMPLE)
    assert tree.size == du(tmp_path)
    assert 3_000_000 < tree.size < 10_000_000
    assert tree.complete
    # root, many, 300 files, big once, sparse, link, a, b, c
    assert tree.inodes == 1 + 1 + 300 + 1 + 1 + 1 + 3
    assert tree.inodes == du(tmp_path, "--inodes")


def test_a_deletion_is_seen_by_the_next_walk(tmp_path: Path) -> None:
    fill(tmp_path)
    before = walk(str(tmp_path), AMPLE)
    (tmp_path / "sparse").unlink()
    (tmp_path / "again").unlink()
    after = walk(str(tmp_path), AMPLE)
    assert after.size == du(tmp_path)
    assert before.inodes - after.inodes == 1


def test_a_whiteout_is_not_a_file(tmp_path: Path) -> None:
    try:
        os.mknod(tmp_path / "gone", 0o020600, os.makedev(0, 0))
    except PermissionError:
        pytest.skip("mknod needs root")
    assert walk(str(tmp_path), AMPLE).inodes == 1


def test_a_link_at_the_top_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "layer").symlink_to("/usr")
    with pytest.raises(NotADirectoryError):
        walk(str(tmp_path / "layer"), AMPLE)


def test_it_stays_on_its_filesystem() -> None:
    tree = walk("/dev", AMPLE)
    assert tree.size == du(Path("/dev"))


def test_when_the_time_is_up_it_says_that_there_is_more(tmp_path: Path) -> None:
    for number in range(2000):
        (tmp_path / f"{number}").touch()
    now = 0.0

    def clock() -> float:
        nonlocal now
        now += 0.1
        return now

    tree = walk(str(tmp_path), Budget(seconds=0.5, entries_per_second=1e9), clock=clock)
    assert not tree.complete
    assert 0 < tree.inodes < 2001


def test_it_keeps_its_pace(tmp_path: Path) -> None:
    for number in range(1024):
        (tmp_path / f"{number}").touch()
    now = 0.0
    waited: list[float] = []

    def pause(seconds: float) -> None:
        nonlocal now
        waited.append(seconds)
        now += seconds

    tree = walk(
        str(tmp_path), Budget(seconds=100, entries_per_second=100), pause, clock=lambda: now
    )
    assert tree.complete
    assert tree.seconds == pytest.approx(1024 / 100)
    assert len(waited) == 4


def test_what_pause_raises_ends_it_with_no_descriptor_left(tmp_path: Path) -> None:
    directory = tmp_path
    for level in range(5):
        directory /= f"{level}"
        directory.mkdir()
        for number in range(300):
            (directory / f"f{number}").touch()

    def stop(_: float) -> None:
        raise InterruptedError

    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(InterruptedError):
        walk(str(tmp_path), Budget(seconds=100, entries_per_second=1), stop)
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_tree_deeper_than_any_real_one_is_not_complete(tmp_path: Path) -> None:
    at = os.open(tmp_path, os.O_RDONLY)
    for _ in range(250):
        os.mkdir("d", dir_fd=at)
        below = os.open("d", os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    os.close(at)
    tree = walk(str(tmp_path), AMPLE)
    assert not tree.complete
    assert tree.inodes > 190


def test_a_directory_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        walk(str(tmp_path / "none"), AMPLE)


shapes = st.recursive(
    st.integers(0, 20_000),
    lambda inner: st.dictionaries(st.text("abcdef", min_size=1, max_size=4), inner, max_size=5),
    max_leaves=30,
)


def make(at: Path, shape: object) -> None:
    if isinstance(shape, dict):
        at.mkdir()
        for name, inner in shape.items():
            make(at / name, inner)
    else:
        assert isinstance(shape, int)
        at.write_bytes(b"." * shape)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.dictionaries(st.text("abcdef", min_size=1, max_size=4), shapes, max_size=5))
def test_any_tree_has_the_size_du_says(
    tmp_path_factory: pytest.TempPathFactory, shape: dict[str, object]
) -> None:
    root = tmp_path_factory.mktemp("tree") / "root"
    make(root, shape)
    assert walk(str(root), AMPLE).size == du(root)
