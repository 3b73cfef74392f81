from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.kernelfile import UnexpectedText, read
from agent.procfs.mountinfo import Mount, parse_mountinfo
from tests.fixtures.host_trees import HYBRID


def test_a_captured_host_has_each_controller_on_its_own_mount() -> None:
    mounts = parse_mountinfo((HYBRID / "proc/self/mountinfo").read_text())
    assert mounts[1] == Mount(
        mount_id=32,
        device=(0, 29),
        root="/",
        mount_point="/sys/fs/cgroup/cpu",
        fs_type="cgroup",
        options="rw,relatime",
        super_options="rw,cpu",
        source="cgroup",
    )
    assert mounts[-1].fs_type == "cgroup2"


def test_optional_fields_may_be_none_or_many() -> None:
    line = (
        "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 propagate_from:2 - ext3 /dev/root rw,errors=x"
    )
    (mount,) = parse_mountinfo(f"{line}\n")
    assert (mount.root, mount.mount_point) == ("/mnt1", "/mnt2")
    assert (mount.fs_type, mount.super_options) == ("ext3", "rw,errors=x")


def test_spaces_tabs_newlines_and_backslashes_in_paths_are_decoded() -> None:
    line = r"1 2 8:1 /a\040b /c\011d\012e\134040 rw - ext4 /dev/sda1 rw"
    (mount,) = parse_mountinfo(f"{line}\n")
    assert mount.root == "/a b"
    assert mount.mount_point == "/c\td\ne\\040"


def test_a_mount_whose_source_is_empty_is_read() -> None:
    (mount,) = parse_mountinfo("40 31 0:37 / /tmp rw - tmpfs  rw,mode=755\n")
    assert (mount.fs_type, mount.super_options) == ("tmpfs", "rw,mode=755")


def test_a_root_need_not_be_a_path() -> None:
    line = "95 27 0:4 net:[4026531833] /run/docker/netns/default rw - nsfs nsfs rw"
    assert parse_mountinfo(f"{line}\n")[0].root == "net:[4026531833]"


@pytest.mark.parametrize(
    "line",
    [
        "36 35 98:0 / /mnt2 rw",
        "36 35 98:0 / - ext3 /dev/root rw",
        "36 35 98 / /mnt2 rw - ext3 /dev/root rw",
        "x 35 98:0 / /mnt2 rw - ext3 /dev/root rw",
        "36 35 98:0 / /mnt2 rw - ext3",
    ],
)
def test_a_line_without_its_fields_is_refused_and_quoted(line: str) -> None:
    with pytest.raises(UnexpectedText) as caught:
        parse_mountinfo(f"{line}\n")
    assert caught.value.text == line


def test_this_process_own_mounts_are_read() -> None:
    mounts = read("/proc/self/mountinfo", parse_mountinfo)
    assert mounts is not None
    assert "/" in {mount.mount_point for mount in mounts}


def _escape(path: str) -> str:
    for character in "\\ \t\n":
        path = path.replace(character, f"\\{ord(character):03o}")
    return path


@given(
    st.text(
        st.characters(exclude_characters="\0", exclude_categories=())
        | st.sampled_from(" \\\t\n0:-")
    )
)
def test_every_path_the_kernel_can_write_comes_back(path: str) -> None:
    line = f"1 2 8:1 / /{_escape(path)} rw - ext4 /dev/sda1 rw\n"
    assert parse_mountinfo(line * 2)[1].mount_point == f"/{path}"


@given(st.text() | st.text("0123 :/-rwcgroup\n"))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        parse_mountinfo(text)
    except UnexpectedText:
        pass
