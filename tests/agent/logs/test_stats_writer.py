from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator

import pytest

from agent.logs.stats_writer import StatsWriter


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    yield reading, writing
    for fd in (reading, writing):
        try:
            os.close(fd)
        except OSError:  # the test closed it
            pass


def test_each_line_that_is_read_in_time_arrives(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    writer = StatsWriter(writing, lambda: None)
    for line in (b"one\n", b"two\n"):
        writer.put(line)
        assert os.read(reading, 100) == line
    writer.close()


def test_the_last_line_is_written_at_the_close(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    writer = StatsWriter(writing, lambda: None)
    writer.put(b"last\n")
    writer.close()
    assert os.read(reading, 100) == b"last\n"


def test_while_the_parent_does_not_read_only_the_newest_line_waits(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    room = fcntl.fcntl(writing, fcntl.F_GETPIPE_SZ)
    writer = StatsWriter(writing, lambda: None)
    long = b"x" * (2 * room) + b"\n"
    writer.put(long)
    seen = os.read(reading, 1)  # it is being written: the others wait
    for number in range(100):
        writer.put(b"%d\n" % number)
    while not seen.endswith(b"99\n"):
        seen += os.read(reading, room)
    assert seen == long + b"99\n"
    writer.close()


def test_a_parent_that_is_gone_is_told_once(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    broken = threading.Event()
    writer = StatsWriter(writing, broken.set)
    os.close(reading)
    writer.put(b"one\n")
    assert broken.wait(10)
    writer.put(b"two\n")
    writer.close()
