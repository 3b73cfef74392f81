"""Processes that are left running, and a supervisor among them."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from agent.demo.client import DemoError, ProcessRef
from agent.demo.process import alive, detach, end, kill_group, last_line
from agent.demo.supervisor import supervise


def test_a_detached_process_runs_in_its_own_session_until_it_is_ended(tmp_path: Path) -> None:
    process = detach(["sleep", "1000"], tmp_path / "log")
    try:
        assert alive(process)
        assert os.getsid(process.pid) != os.getsid(0)
    finally:
        end(process)
    assert not alive(process)


def test_one_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    script = f'trap "" TERM; : >{ready}; while :; do sleep 0.1; done'
    process = detach(["/bin/sh", "-c", script], tmp_path / "log")
    try:
        _until(ready.exists)
        end(process, seconds=0.3)
        assert not alive(process)
    finally:
        kill_group(process)


def test_a_pid_with_another_start_time_is_somebody_else() -> None:
    assert not alive(ProcessRef(os.getpid(), 1))
    end(ProcessRef(os.getpid(), 1))  # which must not signal us


def test_the_last_line_of_a_log_is_quoted(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("a\nb\n")
    assert last_line(tmp_path / "log") == "b"
    (tmp_path / "log").write_text("")
    assert last_line(tmp_path / "log") == "it said nothing"


def test_a_supervisor_runs_its_command_again_and_writes_the_status_down(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    status = tmp_path / "status"
    script = f"echo $$ >>{runs}; sleep 0.3; exit 3"
    started = supervise(
        "x",
        ["/bin/sh", "-c", script],
        status,
        lambda: int(runs.read_text().split()[0]) if runs.exists() and runs.read_text() else None,
    )
    assert started.supervisor is not None
    try:
        _until(lambda: len(runs.read_text().split()) >= 2)
        assert status.read_text() == "3\n"
        assert int(runs.read_text().split()[0]) == started.pid
    finally:
        kill_group(started.supervisor)
    assert not alive(started.supervisor)


def test_a_command_that_fails_at_once_is_quoted(tmp_path: Path) -> None:
    with pytest.raises(DemoError, match="/bin/sh: no such image"):
        supervise(
            "x",
            ["/bin/sh", "-c", "echo no such image >&2; exit 1"],
            tmp_path / "status",
            lambda: None,
        )


def _until(condition: object, seconds: float = 10.0) -> None:
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
