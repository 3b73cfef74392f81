from __future__ import annotations

import errno
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.cgroupfs.cpu import CpuStat
from agent.cgroupfs.hierarchies import Hierarchies
from agent.cgroupfs.kept import LOOK_AGAIN, YOUNG, OpenFiles
from agent.cgroupfs.memory import MemoryEvents
from agent.cgroupfs.reading import Cgroup, CgroupReading
from agent.cgroupfs.tree import CgroupTree
from agent.cgroupfs.v2 import SETTINGS
from agent.kernelfile import UNLIMITED
from tests.fixtures.host_trees import HYBRID, V2, container_path, hierarchies

NOBODY = 65534


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def _open_files() -> set[str]:
    return {os.path.realpath(entry.path) for entry in os.scandir("/proc/self/fd")}


@pytest.fixture
def one(tmp_path: Path) -> Path:
    """A v2 tree of one container with the captured files, which a test may change."""
    source = Path(hierarchies(V2).unified or "") / container_path(V2).strip("/")
    shutil.copytree(source, tmp_path / "one")
    return tmp_path / "one"


def _tree(directory: Path, clock: Clock | None = None, most: int = 1000) -> CgroupTree:
    return CgroupTree(
        Hierarchies(unified=str(directory.parent)),
        open_files=OpenFiles(most),
        now=clock or Clock(),
    )


def _cgroup(directory: Path) -> Cgroup:
    return Cgroup(directory.stat().st_ino, f"/{directory.name}", 0.0)


def _must_read(tree: CgroupTree, directory: Path) -> CgroupReading:
    reading = tree.read(_cgroup(directory))
    assert reading is not None
    return reading


def test_a_change_is_seen_in_the_next_read(one: Path) -> None:
    with _tree(one) as tree:
        before = _must_read(tree, one)
        (one / "memory.current").write_text("4096\n")
        (one / "cpu.stat").write_text("usage_usec 5\n")
        after = _must_read(tree, one)
    assert before.memory_current == 15392768
    assert after.memory_current == 4096
    assert after.cpu_stat == CpuStat(usage_usec=5)
    assert after.memory_stat is before.memory_stat


@pytest.mark.parametrize("lines", [1, 14, 15, 16, 17, 200, 600])
def test_a_text_that_was_short_is_read_whole_when_it_is_long(one: Path, lines: int) -> None:
    (one / "cpu.stat").write_text("usage_usec 5\n")
    with _tree(one) as tree:
        _must_read(tree, one)
        (one / "cpu.stat").write_text(
            "".join(f"other_key_of_{number:011} 0\n" for number in range(lines)) + "usage_usec 7\n"
        )
        for _ in range(2):
            assert _must_read(tree, one).cpu_stat == CpuStat(usage_usec=7)


def test_while_nothing_changes_the_same_reading_is_returned(one: Path) -> None:
    with _tree(one) as tree:
        first = _must_read(tree, one)
        assert _must_read(tree, one) is first


def test_each_file_is_opened_once_and_closed_with_the_tree(
    one: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []
    real = os.open

    def counted(path: str, flags: int) -> int:
        opened.append(path)
        return real(path, flags)

    monkeypatch.setattr(os, "open", counted)
    with _tree(one) as tree:
        for _ in range(3):
            _must_read(tree, one)
        assert str(one / "cpu.stat") in _open_files()
    assert len(opened) == len(set(opened))
    assert str(one / "memory.stat") in opened
    assert not {path for path in _open_files() if path.startswith(str(one))}


def test_retain_closes_what_is_gone_and_keeps_the_rest(one: Path) -> None:
    shutil.copytree(one, one.parent / "two")
    two = one.parent / "two"
    budget = OpenFiles(1000)
    with CgroupTree(Hierarchies(unified=str(one.parent)), open_files=budget) as tree:
        _must_read(tree, one)
        _must_read(tree, two)
        left = budget.left
        tree.retain({_cgroup(two).inode, 12345})
        kept = _open_files()
        assert not {path for path in kept if path.startswith(str(one))}
        assert str(two / "cpu.stat") in kept
        assert budget.left > left
    assert budget.left == 1000


def test_a_cgroup_that_was_never_there_is_gone(one: Path) -> None:
    cgroup = _cgroup(one)
    one.rename(one.parent / "away")
    with _tree(one) as tree:
        assert tree.read(cgroup) is None
        assert tree.read(cgroup) is None


def test_a_path_made_anew_is_another_cgroup(one: Path) -> None:
    old = _cgroup(one)
    one.rename(one.parent / "away")
    shutil.copytree(one.parent / "away", one)
    with _tree(one) as tree:
        assert tree.read(old) is None
        assert tree.read(_cgroup(one)) is not None


def test_an_absent_file_is_none_and_looked_for_again_after_a_minute(one: Path) -> None:
    clock = Clock()
    (one / "pids.max").unlink()
    with _tree(one, clock) as tree:
        assert _must_read(tree, one).pids_max is None
        (one / "pids.max").write_text("40\n")
        clock.now += LOOK_AGAIN / 2
        assert _must_read(tree, one).pids_max is None
        clock.now += LOOK_AGAIN / 2
        assert _must_read(tree, one).pids_max == 40


def test_a_file_that_cannot_be_understood_is_named_and_the_others_are_read(one: Path) -> None:
    with _tree(one) as tree:
        (one / "memory.max").write_text("much\n")
        broken = _must_read(tree, one)
        assert broken.memory_max is None
        assert broken.failed == (("memory_max", f"{one}/memory.max: cannot read 'much'"),)
        assert broken.memory_current == 15392768
        assert _must_read(tree, one) is broken
        (one / "memory.max").write_text("max\n")
        assert _must_read(tree, one).failed == ()


@contextmanager
def _pread_fails(path: Path, number: int) -> Iterator[None]:
    real = os.pread

    def pread(fd: int, size: int, offset: int) -> bytes:
        if os.readlink(f"/proc/self/fd/{fd}") == str(path):
            raise OSError(number, os.strerror(number))
        return real(fd, size, offset)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "pread", pread)
        yield


def test_a_failing_device_is_a_failure_of_one_field(one: Path) -> None:
    with _tree(one) as tree:
        with _pread_fails(one / "io.stat", errno.EIO):
            reading = _must_read(tree, one)
        assert reading.failed == (("io_stat", f"{one}/io.stat: Input/output error"),)
        assert reading.io_stat is None
        assert _must_read(tree, one).io_stat is not None


def test_pressure_that_is_turned_off_is_absent(one: Path) -> None:
    with _tree(one) as tree, _pread_fails(one / "cpu.pressure", errno.EOPNOTSUPP):
        reading = _must_read(tree, one)
        assert reading.cpu_pressure is None
        assert (reading.denied, reading.failed) == ((), ())
        assert reading.io_pressure is not None


def test_a_controller_turned_off_leaves_the_cgroup_with_its_other_files(one: Path) -> None:
    with _tree(one) as tree:
        _must_read(tree, one)
        with _pread_fails(one / "pids.current", errno.ENODEV):
            reading = _must_read(tree, one)
        assert reading.pids_current is None
        assert reading.memory_current == 15392768
        # It was let go of: only a new look can bring it back.
        assert _must_read(tree, one).pids_current is None


def test_enodev_and_a_missing_directory_is_a_cgroup_that_is_gone(one: Path) -> None:
    cgroup = _cgroup(one)
    with _tree(one) as tree:
        assert tree.read(cgroup) is not None
        one.rename(one.parent / "away")
        with _pread_fails(one.parent / "away/cpu.stat", errno.ENODEV):
            assert tree.read(cgroup) is None
        assert not {path for path in _open_files() if path.startswith(str(one.parent))}


def test_a_file_refused_when_opened_is_denied_and_tried_again_after_a_minute(
    one: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    real = os.open

    def refuse(path: str, flags: int) -> int:
        if path.endswith(("memory.current", "memory.stat")):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return real(path, flags)

    with _tree(one, clock) as tree:
        monkeypatch.setattr(os, "open", refuse)
        reading = _must_read(tree, one)
        assert reading.denied == ("memory_current", "memory_stat")
        assert (reading.memory_current, reading.failed) == (None, ())
        assert reading.memory_max == 16777216
        monkeypatch.setattr(os, "open", real)
        clock.now += LOOK_AGAIN
        assert _must_read(tree, one).denied == ()


def test_a_file_refused_when_read_is_denied(one: Path) -> None:
    with _tree(one) as tree, _pread_fails(one / "cpu.stat", errno.EPERM):
        assert _must_read(tree, one).denied == ("cpu_stat",)


def _as_nobody(work: Callable[[], str]) -> str:
    """Run `work` where permission bits count: in a child that is nobody, unless we are no root."""
    if os.getuid() != 0:
        return work()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            os.write(writer, work().encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    return answer


def test_a_reader_without_permission_is_told_which_fields_it_misses() -> None:
    with tempfile.TemporaryDirectory(prefix="agent-test-") as directory:
        Path(directory).chmod(0o755)
        source = Path(hierarchies(V2).unified or "") / container_path(V2).strip("/")
        one = Path(shutil.copytree(source, Path(directory, "one")))
        one.chmod(0o755)
        for file in one.iterdir():
            file.chmod(0o000 if file.name in ("memory.events", "pids.max") else 0o644)

        def work() -> str:
            with _tree(one) as tree:
                reading = _must_read(tree, one)
                return f"{reading.denied} {reading.memory_events} {reading.memory_max}"

        assert _as_nobody(work) == "('memory_events', 'pids_max') None 16777216"


def test_a_directory_that_may_not_be_entered_denies_every_field() -> None:
    with tempfile.TemporaryDirectory(prefix="agent-test-") as directory:
        Path(directory).chmod(0o755)
        source = Path(hierarchies(V2).unified or "") / container_path(V2).strip("/")
        one = Path(shutil.copytree(source, Path(directory, "one")))
        one.chmod(0o644)
        try:

            def work() -> str:
                with _tree(one) as tree:
                    reading = _must_read(tree, one)
                    return f"{len(reading.denied)} {reading.memory_max} {reading.failed}"

            assert _as_nobody(work) == "22 None ()"
        finally:
            one.chmod(0o755)


@pytest.mark.parametrize("host", [V2, HYBRID], ids=lambda host: host.name)
@pytest.mark.parametrize("most", [0, 1, 10])
def test_with_fewer_files_kept_than_there_are_the_readings_are_the_same(
    host: Path, most: int
) -> None:
    with CgroupTree(hierarchies(host), open_files=OpenFiles(1000)) as tree:
        expected = [tree.read(cgroup) for cgroup in tree.walk()]
    budget = OpenFiles(most)
    with CgroupTree(hierarchies(host), open_files=budget) as tree:
        for _ in range(2):
            assert [tree.read(cgroup) for cgroup in tree.walk()] == expected
        assert budget.left == 0
    assert budget.left == most


def test_a_loose_file_is_read_anew_each_time(one: Path) -> None:
    with _tree(one, most=0) as tree:
        assert _must_read(tree, one).memory_events == MemoryEvents(0, 1118, 28, 1, 1, 0)
        (one / "memory.events").write_text("oom_kill 2\n")
        assert _must_read(tree, one).memory_events == MemoryEvents(oom_kill=2)
        (one / "memory.events").write_text("broken\n")
        assert _must_read(tree, one).failed[0][0] == "memory_events"
        (one / "memory.events").unlink()
        assert _must_read(tree, one).memory_events is None
        assert _must_read(tree, one).failed == ()


@pytest.mark.parametrize("most", [0, 1000], ids=["loose", "kept"])
def test_a_limit_is_read_once_a_minute(one: Path, most: int) -> None:
    clock = Clock()
    with _tree(one, clock, most=most) as tree:
        assert _must_read(tree, one).memory_max == 16 << 20
        clock.now += YOUNG
        (one / "memory.max").write_text("max\n")
        (one / "memory.current").write_text("77\n")
        reading = _must_read(tree, one)
        assert (reading.memory_max, reading.memory_current) == (16 << 20, 77)
        clock.now += LOOK_AGAIN
        assert _must_read(tree, one).memory_max is UNLIMITED


@pytest.mark.parametrize("most", [0, 1000], ids=["loose", "kept"])
def test_a_limit_that_a_runtime_sets_after_making_the_cgroup_is_seen_at_once(
    one: Path, most: int
) -> None:
    clock = Clock()
    with _tree(one, clock, most=most) as tree:
        assert _must_read(tree, one).memory_max == 16 << 20
        (one / "memory.max").write_text("max\n")
        clock.now += YOUNG - 1
        assert _must_read(tree, one).memory_max is UNLIMITED


def test_files_that_change_are_kept_before_limits_are(one: Path) -> None:
    with _tree(one, most=30) as tree:
        _must_read(tree, one)
        (kept,) = tree._kept.values()
        loose = {file.place.row.field for file in kept._loose}
        assert loose
        assert loose <= SETTINGS


def test_a_loose_file_that_is_refused_is_denied_until_it_is_not(
    one: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.open

    def refuse(path: str, flags: int, *, dir_fd: int | None = None) -> int:
        if dir_fd is not None and path == "memory.stat":
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return real(path, flags, dir_fd=dir_fd)

    with _tree(one, most=0) as tree:
        assert _must_read(tree, one).denied == ()
        with monkeypatch.context() as patched:
            patched.setattr(os, "open", refuse)
            reading = _must_read(tree, one)
            assert reading.denied == ("memory_stat",)
            assert reading.memory_stat is None
        reading = _must_read(tree, one)
        assert reading.denied == ()
        assert reading.memory_stat is not None


def test_a_process_without_descriptors_left_still_reads_everything(one: Path) -> None:
    # A process of its own: the real limit, lowered to where the second cgroup does not fit.
    for name in ("two", "three"):
        shutil.copytree(one, one.parent / name)
    script = textwrap.dedent("""
        import os, resource, sys
        from agent.cgroupfs.hierarchies import Hierarchies
        from agent.cgroupfs.kept import OpenFiles
        from agent.cgroupfs.tree import CgroupTree
        lowest = os.open("/dev/null", os.O_RDONLY)
        os.close(lowest)
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + 30, lowest + 30))
        budget = OpenFiles(1000)
        with CgroupTree(Hierarchies(unified=sys.argv[1]), open_files=budget) as tree:
            cgroups = tree.walk()[1:]
            for sweep in range(2):
                for cgroup in cgroups:
                    reading = tree.read(cgroup)
                    print(cgroup.path, reading.memory_max, reading.pids_events_max,
                          reading.cgroup_events.populated, reading.denied, reading.failed)
            os.close(os.open("/dev/null", os.O_RDONLY))
    """)
    done = subprocess.run(
        [sys.executable, "-c", script, str(one.parent)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    expected = [f"{path} 16777216 1 True () ()" for path in ("/one", "/three", "/two")]
    assert done.stdout.splitlines() == expected * 2


def test_the_limit_of_open_files_is_raised_and_a_part_is_left_for_others() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 512), hard))
    try:
        budget = OpenFiles.allowed()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
        assert 0 < budget.left <= hard * 7 // 8
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
