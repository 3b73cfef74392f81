from __future__ import annotations

import os
import select
import signal
import subprocess
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.lifecycle.pidfd import (
    may_ptrace,
    parse_zombie_status,
    status_of_reaped,
    status_of_zombie,
)


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(["sleep", "60"])
    yield process
    process.kill()
    process.wait()


def ended(process: subprocess.Popen[bytes], pidfd: int) -> None:
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    assert poll.poll(10_000)


def test_a_running_process_has_no_status(sleeper: subprocess.Popen[bytes]) -> None:
    pidfd = os.pidfd_open(sleeper.pid)
    try:
        assert status_of_zombie("/proc", sleeper.pid) is None
        assert status_of_reaped(pidfd) is None
    finally:
        os.close(pidfd)


def test_a_zombie_tells_its_signal(sleeper: subprocess.Popen[bytes]) -> None:
    if not may_ptrace("/proc"):
        pytest.skip("needs CAP_SYS_PTRACE")
    pidfd = os.pidfd_open(sleeper.pid)
    try:
        sleeper.kill()
        ended(sleeper, pidfd)
        status = status_of_zombie("/proc", sleeper.pid)
        assert status is not None
        assert os.WTERMSIG(status) == signal.SIGKILL
    finally:
        os.close(pidfd)


def test_a_reaped_process_tells_its_exit_code_to_who_held_it() -> None:
    process = subprocess.Popen(["sh", "-c", "read line; exit 7"], stdin=subprocess.PIPE)
    pidfd = os.pidfd_open(process.pid)
    try:
        process.communicate(b"\n")
        status = status_of_reaped(pidfd)
        if status is None:
            pytest.skip("PIDFD_GET_INFO does not tell exit codes before Linux 6.15")
        assert os.WEXITSTATUS(status) == 7
        assert status_of_zombie("/proc", process.pid) is None
    finally:
        os.close(pidfd)


FIELDS = " ".join(["0"] * 48)


def test_the_status_is_the_last_field_of_a_zombie_whatever_it_is_called() -> None:
    assert parse_zombie_status(f"42 (a) b) Z {FIELDS} 1792\n") == 1792
    assert parse_zombie_status(f"42 (a) S 1 {FIELDS} 0\n") is None


@given(st.text())
def test_no_text_is_taken_for_more_than_it_says(text: str) -> None:
    try:
        parse_zombie_status(text)
    except ValueError:
        assert ") Z" in text or ") X" in text
