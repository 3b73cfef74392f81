from __future__ import annotations

from pathlib import Path

import pytest

from agent.container.process import init_pid, read_pidfile, started
from agent.container.supervisor import Supervisor
from tests.agent.container.tree import ID, Tree

PATH = f"/docker/{ID}"


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def _shim(child: int) -> Supervisor:
    return Supervisor("shim", 10, ID, "/b", child)


def test_the_recorded_pid_counts_if_it_is_in_the_cgroup(tree: Tree) -> None:
    assert init_pid(tree.paths.proc, PATH, 11, None, (11, 12)) == 11


def test_a_recorded_pid_of_another_namespace_is_not_believed(tree: Tree) -> None:
    tree.process(7, 1, ["sshd"], cgroup="/system.slice/ssh.service")
    assert init_pid(tree.paths.proc, PATH, 7, None, ()) is None
    assert init_pid(tree.paths.proc, PATH, 7, None, (11,)) is None


def test_a_recorded_pid_in_a_cgroup_below_is_believed(tree: Tree) -> None:
    tree.process(7, 1, ["systemd"], cgroup=f"{PATH}/init.scope")
    assert init_pid(tree.paths.proc, PATH, 7, None, ()) == 7


def test_without_a_record_the_supervisors_child_counts(tree: Tree) -> None:
    tree.process(11, 10, ["nginx"])
    assert init_pid(tree.paths.proc, PATH, None, _shim(11), (12, 11)) == 11


def test_a_stage_of_runc_is_not_the_first_process(tree: Tree) -> None:
    tree.process(11, 10, ["runc:[2:INIT]"])
    assert init_pid(tree.paths.proc, PATH, None, _shim(11), (11,)) is None


def test_the_start_is_the_boots_and_the_ticks(tree: Tree) -> None:
    tree.process(11, 1, ["nginx"], start_ticks=250)
    assert started(tree.paths.proc, 11, 1000.0) == 1002.5
    assert started(tree.paths.proc, 12, 1000.0) is None


@pytest.mark.parametrize(
    ("text", "pid"), [("42", 42), ("42\n", 42), ("", None), ("x", None), ("99999999999", None)]
)
def test_a_pidfile_holds_a_number_or_not_yet(tmp_path: Path, text: str, pid: int | None) -> None:
    (tmp_path / "pid").write_text(text)
    assert read_pidfile(f"{tmp_path}/pid") == pid
    assert read_pidfile(f"{tmp_path}/absent") is None
