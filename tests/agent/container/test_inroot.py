from __future__ import annotations

import ctypes
import errno
import os
import stat
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.container import statefile
from agent.container.inroot import find_in_root, through_root
from agent.container.statefile import UnreadableState
from agent.kernelfile import Denied

_OPENAT2 = 437
_RESOLVE_IN_ROOT = 0x10


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """As /proc/4711/root; beside it what must not be reached."""
    found = tmp_path / "4711/root"
    found.mkdir(parents=True)
    (tmp_path / "secret").write_text('{"secret": true}')
    return found


def inode(root: Path, path: str, *, follow: bool = True) -> int:
    fd = find_in_root(str(root), path, follow=follow)
    try:
        return os.fstat(fd).st_ino
    finally:
        os.close(fd)


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("/proc/1/root/run/x", ("/proc/1/root", "run/x")),
        ("/host/proc/4711/root/var/1/root/x", ("/host/proc/4711/root", "var/1/root/x")),
        ("/proc/1/root", None),
        ("/proc/1/roots/run", None),
        ("/proc/self/root/run", None),
        ("/var/lib/docker/containers", None),
    ],
)
def test_a_path_through_a_process_root_is_told(path: str, parts: tuple[str, str] | None) -> None:
    assert through_root(path) == parts


def test_an_absolute_link_leads_to_the_same_root(root: Path) -> None:
    (root / "run").mkdir()
    (root / "run/state.json").write_text('{"inside": true}')
    (root / "var").mkdir()
    (root / "var/run").symlink_to("/run")
    assert statefile.read_object(f"{root}/var/run/state.json") == {"inside": True}
    assert statefile.names(f"{root}/var/run") == ["state.json"]
    assert statefile.signature(f"{root}/var/run/state.json") is not None


@pytest.mark.parametrize("way", ["../../secret", "../../../../../../../../etc/hostname", "{out}"])
def test_no_link_leads_out(root: Path, way: str) -> None:
    outside = root.parents[1] / "secret"
    (root / "config.json").symlink_to(way.format(out=outside))
    assert statefile.read_bytes(f"{root}/config.json") is None
    assert statefile.signature(f"{root}/config.json") is None


def test_dots_in_the_path_itself_do_not_lead_out(root: Path) -> None:
    assert statefile.read_bytes(f"{root}/../../secret") is None
    assert inode(root, "../../..") == root.stat().st_ino


def test_the_kernels_own_links_are_text_only(root: Path) -> None:
    """/proc/self/root, which open() would jump through; here it is the text "/"."""
    (root / "jump").symlink_to("/proc/self/root")
    assert statefile.names(f"{root}/jump") == []


def test_links_in_a_circle_are_an_error(root: Path) -> None:
    (root / "a").symlink_to("b")
    (root / "b").symlink_to("a")
    with pytest.raises(OSError, match="symbolic links") as caught:
        statefile.read_bytes(f"{root}/a")
    assert caught.value.filename == f"{root}/a"


def test_a_path_without_end_is_an_error(root: Path) -> None:
    (root / "x").mkdir()
    with pytest.raises(OSError, match="too long"):
        find_in_root(str(root), "x/../" * 300)


def test_what_is_no_regular_file_is_not_opened(root: Path) -> None:
    os.mkfifo(root / "config.json")
    with pytest.raises(UnreadableState, match="not a regular file"):
        statefile.read_bytes(f"{root}/config.json")


def test_a_path_with_a_nul_is_refused(root: Path) -> None:
    with pytest.raises(UnreadableState, match="not a path"):
        statefile.read_bytes(f"{root}/a\0b")


def test_the_last_link_is_read_where_it_is_asked_for(root: Path) -> None:
    (root / "work").symlink_to("/var/lib/containerd")
    (root / "file").write_text("")
    assert statefile.link(f"{root}/work") == "/var/lib/containerd"
    assert statefile.link(f"{root}/file") == ""
    assert statefile.link(f"{root}/nothing") == ""


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_directory_that_may_not_be_entered_is_denied(root: Path) -> None:
    (root / "shut").mkdir(mode=0)
    with pytest.raises(Denied):
        statefile.read_bytes(f"{root}/shut/config.json")


def test_no_descriptor_is_left_open(root: Path) -> None:
    (root / "a/b").mkdir(parents=True)
    (root / "a/b/c").symlink_to("/a/../a/b")
    before = os.listdir("/proc/self/fd")
    inode(root, "a/b/c/c/c")
    with pytest.raises(FileNotFoundError):
        find_in_root(str(root), "a/b/c/nothing")
    assert len(os.listdir("/proc/self/fd")) == len(before)


NAMES = st.sampled_from(["a", "b", "c"])
WAYS = st.builds(
    lambda first, parts, last: first + "/".join(parts) + last,
    st.sampled_from(["", "/"]),
    st.lists(st.sampled_from(["a", "b", "c", ".", ".."]), min_size=1, max_size=5),
    st.sampled_from(["", "/"]),
)
TREES = st.dictionaries(
    st.lists(NAMES, min_size=1, max_size=3).map("/".join),
    st.one_of(st.just("directory"), st.just("file"), WAYS.map(lambda way: f"->{way}")),
    max_size=9,
)


@given(TREES, WAYS, st.booleans())
def test_as_the_kernel_finds_it(tree: dict[str, str], path: str, follow: bool) -> None:
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        for place, what in sorted(tree.items()):
            try:
                _make(root / place, what)
            except OSError:
                continue  # below a file or a link, or there already
        expected = _kernels(directory, path, follow=follow)
        assert _found(directory, path, follow=follow) == expected


def _make(place: Path, what: str) -> None:
    if any(parent.is_symlink() for parent in place.parents):
        raise OSError(errno.ELOOP, "")
    place.parent.mkdir(parents=True, exist_ok=True)
    if what == "directory":
        place.mkdir()
    elif what == "file":
        place.touch()
    else:
        place.symlink_to(what[2:])


def _found(root: str, path: str, *, follow: bool) -> tuple[int, int] | int | None:
    try:
        return _identity(find_in_root(root, path, follow=follow))
    except OSError as error:
        return error.errno


def _kernels(root: str, path: str, *, follow: bool) -> tuple[int, int] | int | None:
    """What openat2 finds: its identity, or the errno."""
    libc = ctypes.CDLL(None, use_errno=True)
    flags = os.O_PATH | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    how = (ctypes.c_uint64 * 3)(flags, 0, _RESOLVE_IN_ROOT)
    directory = os.open(root, os.O_PATH)
    try:
        fd = libc.syscall(_OPENAT2, directory, path.encode(), how, ctypes.sizeof(how))
        number = ctypes.get_errno()
    finally:
        os.close(directory)
    if fd < 0:
        if number == errno.ENOSYS:
            pytest.skip("openat2 is not there")
        return number
    return _identity(fd)


def _identity(fd: int) -> tuple[int, int]:
    try:
        found = os.fstat(fd)
        return found.st_ino, stat.S_IFMT(found.st_mode)
    finally:
        os.close(fd)
