from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.kernelfile import UnexpectedText, read
from agent.procfs.pid import (
    UNIFIED,
    PidStat,
    parse_cmdline,
    parse_pid_cgroup,
    parse_pid_stat,
)
from tests.fixtures.host_trees import HYBRID, V2, container_path

(HYBRID_PID,) = (p for p in (HYBRID / "proc").iterdir() if p.name.isdigit())
(V2_PID,) = (p for p in (V2 / "proc").iterdir() if p.name.isdigit())
TAIL = "S 16462 16483 16483 0 -1 4194560 6928 115495 0 0 2 12 50 130 20 0 1 0 160241 2322432 380"


def test_a_captured_process_has_parent_state_and_start() -> None:
    assert parse_pid_stat((HYBRID_PID / "stat").read_text()) == PidStat(
        pid=16483, comm="sh", state="S", ppid=16462, starttime_ticks=160241
    )


@pytest.mark.parametrize("comm", ["a b", "a) S 1 (b", "(", ")", "", "x) R 0", "new\nline"])
def test_a_process_may_call_itself_anything(comm: str) -> None:
    stat = parse_pid_stat(f"16483 ({comm}) {TAIL}\n")
    assert stat == PidStat(16483, comm, "S", 16462, 160241)


@pytest.mark.parametrize("text", ["", "1 sh S 1", "1 (sh", "1 (sh) S 1", "x (sh) " + TAIL])
def test_a_stat_without_its_fields_is_refused(text: str) -> None:
    with pytest.raises(UnexpectedText):
        parse_pid_stat(text)


def test_this_process_is_read() -> None:
    stat = read("/proc/self/stat", parse_pid_stat)
    assert stat is not None
    assert (stat.pid, stat.ppid) == (os.getpid(), os.getppid())
    arguments = read("/proc/self/cmdline", parse_cmdline)
    assert list(arguments or ()) == sys.orig_argv
    assert read("/proc/self/cgroup", parse_pid_cgroup)


def test_a_captured_command_line_keeps_its_arguments_apart() -> None:
    arguments = parse_cmdline((HYBRID_PID / "cmdline").read_text())
    assert arguments[:2] == ("/bin/sh", "-c")
    assert arguments[2].startswith("while :; do dd ")


def test_an_empty_argument_is_an_argument() -> None:
    assert parse_cmdline("conmon\0\0-c\0") == ("conmon", "", "-c")


def test_a_kernel_thread_has_no_command_line() -> None:
    assert parse_cmdline("") == ()


def test_a_title_written_over_the_arguments_is_kept() -> None:
    assert parse_cmdline("nginx: master process") == ("nginx: master process",)


def test_on_a_hybrid_host_each_controller_has_its_path() -> None:
    paths = parse_pid_cgroup((HYBRID_PID / "cgroup").read_text())
    assert set(paths.values()) == {container_path(HYBRID)}
    assert {"memory", "cpu", "cpuacct", "name=systemd", UNIFIED} <= paths.keys()


def test_on_a_v2_host_there_is_one_path() -> None:
    paths = parse_pid_cgroup((V2_PID / "cgroup").read_text())
    assert paths == {UNIFIED: container_path(V2)}


def test_controllers_mounted_together_share_a_path() -> None:
    paths = parse_pid_cgroup("2:cpu,cpuacct:/docker/7f54\n")
    assert paths == {"cpu": "/docker/7f54", "cpuacct": "/docker/7f54"}


def test_a_path_may_hold_colons_and_end_in_deleted() -> None:
    paths = parse_pid_cgroup("0::/system.slice:docker:7f54 (deleted)\n")
    assert paths == {UNIFIED: "/system.slice:docker:7f54 (deleted)"}


@pytest.mark.parametrize("text", ["0:/docker\n", "x::/\n", "0::docker\n", "memory\n"])
def test_a_line_that_names_no_path_is_refused(text: str) -> None:
    with pytest.raises(UnexpectedText):
        parse_pid_cgroup(text)


@given(st.text() | st.text("() 0123:/,SZ\n\0"))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    parse_cmdline(text)
    for parse in (parse_pid_stat, parse_pid_cgroup):
        try:
            parse(text)
        except UnexpectedText:
            continue


@given(st.lists(st.text(st.characters(exclude_characters="\0")), min_size=1))
def test_every_command_line_comes_back(arguments: list[str]) -> None:
    assert parse_cmdline("".join(f"{argument}\0" for argument in arguments)) == tuple(arguments)


def test_an_absent_process_is_none(tmp_path: Path) -> None:
    assert read(str(tmp_path / "4242/stat"), parse_pid_stat) is None
