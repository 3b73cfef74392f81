"""agent.child: a child is fed, heard, started again when it dies, and stopped."""

from __future__ import annotations

import os
import queue
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agent.child import Child
from tests.log_host import wait_for

ECHO = """
import os, sys
line = sys.stdin.buffer.readline()
sys.stdout.buffer.write(b"%d " % os.getpid() + line)
sys.stdout.buffer.flush()
sys.stdin.buffer.read()
"""
DEAF = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("up", flush=True)
time.sleep(600)
"""


@contextmanager
def child(program: str, stop_timeout: float = 15.0) -> Iterator[tuple[Child, queue.Queue[bytes]]]:
    lines: queue.Queue[bytes] = queue.Queue()
    made = Child("child", [sys.executable, "-c", program], b"hello", lines.put, stop_timeout)
    made.start()
    try:
        yield made, lines
    finally:
        made.stop()


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_child_gets_its_input_and_is_heard() -> None:
    with child(ECHO) as (made, lines):
        pid, text = lines.get(timeout=30).split()
        assert text == b"hello"
        assert made.pid == int(pid)
    assert gone(int(pid))


def test_a_killed_child_is_started_again_with_the_same_input() -> None:
    with child(ECHO) as (made, lines):
        first = int(lines.get(timeout=30).split()[0])
        os.kill(first, signal.SIGKILL)
        second, text = lines.get(timeout=30).split()
        assert int(second) != first
        assert text == b"hello"
        assert made.restarts == 1


def test_a_child_that_never_reads_is_started_again_too() -> None:
    with child("import os; os.close(0); print('x', flush=True)") as (made, lines):
        assert lines.get(timeout=30) == b"x\n"
        assert lines.get(timeout=30) == b"x\n"
        assert made.restarts >= 1


def test_a_child_that_cannot_be_started_is_tried_again(tmp_path: Path) -> None:
    program = tmp_path / "program"
    lines: queue.Queue[bytes] = queue.Queue()
    made = Child("child", [str(program)], b"hello", lines.put)
    made.start()
    try:
        wait_for(lambda: made.restarts > 0, 30, "it is tried again")
        program.write_text(f"#!{sys.executable}\n{ECHO}")
        program.chmod(0o755)
        assert lines.get(timeout=30).endswith(b" hello\n")
    finally:
        made.stop()


def test_a_child_that_ignores_sigterm_is_killed() -> None:
    with child(DEAF, stop_timeout=0.2) as (made, lines):
        assert lines.get(timeout=30) == b"up\n"
        pid = made.pid
        assert pid is not None
        started = time.monotonic()
        made.stop()
        assert gone(pid)
        assert time.monotonic() - started < 30


def test_a_stopped_child_is_not_started_again() -> None:
    with child(ECHO) as (made, lines):
        lines.get(timeout=30)
        made.stop()
        assert made.pid is None
        assert lines.empty()
