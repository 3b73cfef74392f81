from __future__ import annotations

import ctypes
import os
import shutil
import socket
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.doctor.facts import Access
from agent.doctor.system import clock_is_set, sockets


def _says(status: int, code: int = 0) -> bool | None:
    def adjtimex(buffer: ctypes.Array[ctypes.c_char]) -> int:
        struct.pack_into("@iqqqqi", buffer, 0, 0, 0, 0, 0, 0, status)
        return code

    return clock_is_set(adjtimex)


def test_the_kernels_status_tells() -> None:
    assert _says(0x2001) is True
    assert _says(0x0040, 5) is False
    assert _says(0, -1) is None


def test_the_real_one_can_be_asked() -> None:
    assert clock_is_set() in (True, False, None)


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory whose path is short enough for a socket."""
    path = Path(tempfile.mkdtemp(prefix="sock"))
    yield path
    shutil.rmtree(path)


def test_a_socket_that_is_there_is_tried(place: Path) -> None:
    answering, dead, file = (str(place / name) for name in ("a", "d", "f"))
    Path(file).touch()
    with socket.socket(socket.AF_UNIX) as listening, socket.socket(socket.AF_UNIX) as closed:
        listening.bind(answering)
        listening.listen()
        closed.bind(dead)
        found = sockets([answering, dead, file, str(place / "none")])
    assert found[0] == Access(path=answering, exists=True)
    assert found[1] == Access(path=dead, exists=True, problem=os.strerror(111))
    assert found[2] == Access(path=file, exists=True, problem="is no socket")
    assert len(found) == 3
