"""The demo's workloads, before a runtime runs them."""

from __future__ import annotations

import subprocess

import pytest

from agent.demo.client import DemoError
from agent.demo.image import NoBusybox, find_busybox
from agent.demo.workloads import LINE, WORKLOADS, Workload, chosen


def test_no_names_choose_all_in_order() -> None:
    assert chosen() == WORKLOADS


def test_names_are_taken_with_the_prefix_and_without() -> None:
    names = [workload.name for workload in chosen(["demo-oom", " idle", ""], "demo-")]
    assert names == ["oom", "idle"]


def test_an_unknown_name_is_refused_with_those_there_are() -> None:
    with pytest.raises(DemoError, match=r"called demon;.*throttled, memory, oom"):
        chosen(["demon", "idle"], "demo-")


def test_what_a_workload_shows_fits_its_column() -> None:
    """80 columns less a name, a runtime, a pid and a limit."""
    assert [one.name for one in WORKLOADS if len(one.shows) > 80 - 15 - 11 - 8 - 10] == []


def test_limits_are_written_for_people() -> None:
    assert [one.limits for one in WORKLOADS[:2]] == ["0.2 cores", "64 MiB"]
    assert WORKLOADS[-1].limits == "-"


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda one: one.name)
def test_busybox_can_parse_the_script(workload: Workload) -> None:
    try:
        busybox = find_busybox()
    except NoBusybox as error:
        pytest.skip(str(error))
    done = subprocess.run([busybox, "sh", "-n", "-c", workload.script], capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")


def test_the_first_lines_of_the_logger_are_numbered_and_of_one_length() -> None:
    try:
        busybox = find_busybox()
    except NoBusybox as error:
        pytest.skip(str(error))
    script = next(one.script for one in WORKLOADS if one.name == "logger")
    with subprocess.Popen(
        [busybox, "sh", "-c", script], stdout=subprocess.PIPE, start_new_session=True
    ) as shell:
        assert shell.stdout is not None
        lines = [shell.stdout.readline() for _ in range(250)]
        shell.stdout.close()  # the next write ends awk, and that the loop before it
        shell.wait(10)
    assert lines == [f"{LINE % number}\n".encode() for number in range(1, 251)]
