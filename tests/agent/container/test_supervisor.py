from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.container.supervisor import find_supervisor, log_file
from tests.agent.container.tree import ID, TASKS, Tree, captured

CONMON = captured("conmon-cmdline.txt").decode().splitlines()


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def test_a_shim_tells_namespace_id_and_bundle(tree: Tree) -> None:
    tree.shim(10, "k8s.io", ID)
    tree.process(11, 10, ["/pause"])
    found = find_supervisor(tree.paths.proc, 11)
    assert found is not None
    assert (found.kind, found.pid, found.child) == ("shim", 10, 11)
    assert (found.namespace, found.id) == ("k8s.io", ID)
    assert found.bundle == f"{TASKS}/k8s.io/{ID}"


def test_a_shim_in_a_chroot_tells_the_bundle_as_it_names_it_itself(tree: Tree) -> None:
    """The kernel writes the working directory from the mount namespace's root on."""
    tree.shim(10, "k8s.io", ID, tasks=f"/host{TASKS}")
    tree.at("/proc/10/root").symlink_to("/host")
    tree.process(11, 10, ["/pause"])
    found = find_supervisor(tree.paths.proc, 11)
    assert found is not None
    assert found.bundle == f"{TASKS}/k8s.io/{ID}"


def test_a_captured_conmon_tells_name_bundle_and_log(tree: Tree) -> None:
    tree.process(10, 1, CONMON)
    tree.process(11, 10, ["sh"])
    found = find_supervisor(tree.paths.proc, 11)
    assert found is not None
    assert (found.kind, found.name) == ("conmon", "rootless1")
    userdata = found.bundle
    assert userdata.startswith("/home/rtres/.local/share/containers/storage/vfs-containers/418e9")
    assert found.log == f"{userdata}/ctr.log"
    assert found.pidfile.endswith("/userdata/pidfile")


def test_a_deep_process_leads_to_the_child_below_the_supervisor(tree: Tree) -> None:
    tree.shim(10, "default", "web")
    tree.process(11, 10, ["sh"])
    tree.process(12, 11, ["sh"])
    tree.process(13, 12, ["sleep"])
    found = find_supervisor(tree.paths.proc, 13)
    assert found is not None
    assert found.child == 11


def test_a_process_of_nobody_has_no_supervisor(tree: Tree) -> None:
    tree.process(10, 1, ["sshd"])
    tree.process(11, 10, ["bash"])
    assert find_supervisor(tree.paths.proc, 11) is None
    assert find_supervisor(tree.paths.proc, 999) is None


def test_parents_in_a_circle_end(tree: Tree) -> None:
    tree.process(10, 11, ["a"])
    tree.process(11, 10, ["b"])
    assert find_supervisor(tree.paths.proc, 11) is None


def test_a_kernel_thread_on_the_way_is_no_supervisor(tree: Tree) -> None:
    tree.process(10, 2, [])
    tree.process(11, 10, ["x"])
    assert find_supervisor(tree.paths.proc, 11) is None


def test_a_shim_whose_directory_is_not_to_be_read_has_no_bundle(tree: Tree) -> None:
    tree.process(10, 1, ["containerd-shim-runc-v2", "-namespace", "moby", "-id", ID])
    tree.process(11, 10, ["x"])
    found = find_supervisor(tree.paths.proc, 11)
    assert found is not None
    assert found.bundle == ""


@pytest.mark.parametrize(
    ("argv", "path"),
    [
        (["-l", "k8s-file:/a/ctr.log"], "/a/ctr.log"),
        (["--log-path", "/var/log/pods/a_b_c/app/0.log"], "/var/log/pods/a_b_c/app/0.log"),
        (["--log-path=k8s-file:/a"], "/a"),
        (["-l", "journald"], ""),
        (["-l", "journald", "-l", "k8s-file:/a"], "/a"),
        (["-l", "json-file:/a"], ""),
        (["-l"], ""),
        ([], ""),
    ],
)
def test_the_log_is_the_file_among_the_log_options(argv: list[str], path: str) -> None:
    assert log_file(["conmon", *argv]) == path


@given(st.lists(st.text(max_size=6) | st.sampled_from(["-l", "--log-path", "k8s-file:/x"])))
def test_any_arguments_give_a_path_or_nothing(argv: list[str]) -> None:
    found = log_file(argv)
    assert found == "" or found.startswith("/")
