"""statvfs(2) that cannot hang the one who asks.

A filesystem whose server is gone (NFS, FUSE, a dead disk) blocks whoever touches it, and nothing
but the server wakes it up again. So a thread asks, with a timeout; if it does not come back, its
filesystem is left alone until it does, and another thread asks for the others.
"""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Final

from agent.filesystem.usage import Space
from agent.records import NamedTuple

_MAX_HUNG: Final = 8
"""Threads given up. With so many the host has worse problems than its numbers."""

Device = tuple[int, int]
"""(major, minor)."""


class Hung(OSError):
    """The filesystem did not answer in time, now or earlier."""


class Answer(NamedTuple):
    """What is at a path."""

    device: Device
    """Of the filesystem that the path is really on."""
    is_directory: bool
    space: Space


class Asker:
    """Asks filesystems. For one caller."""

    def __init__(self, timeout: float, ask: Callable[[str], Answer] | None = None) -> None:
        """timeout: seconds. `ask` is what may hang: `look` unless given."""
        self._timeout = timeout
        self._ask = ask or look
        self._hung: set[Device] = set()
        self._lock = threading.Lock()
        """A question is either answered or given up."""
        self._questions: SimpleQueue[_Question | None] | None = None
        self.timeouts = 0
        """How often a filesystem did not answer."""

    @property
    def quarantined(self) -> int:
        """Filesystems that are left alone now."""
        return len(self._hung)

    def ask(self, device: Device, path: str) -> Answer:
        """
        Look at `path`, which is said to be on `device`.

        Raises `Hung` where that filesystem does not answer, and what `look` raises.
        """
        if device in self._hung or len(self._hung) >= _MAX_HUNG:
            raise Hung(f"{path}: the filesystem {device[0]}:{device[1]} does not answer")
        if self._questions is None:
            self._questions = SimpleQueue()
            threading.Thread(
                target=self._answer, args=(self._questions,), name="statvfs", daemon=True
            ).start()
        question = _Question(device, path, SimpleQueue())
        self._questions.put(question)
        try:
            answer = question.answer.get(timeout=self._timeout)
        except Empty:
            with self._lock:
                if question.answer.empty():
                    self._hung.add(device)
            if device in self._hung:
                self._questions.put(None)
                self._questions = None
                self.timeouts += 1
                raise Hung(f"{path}: no answer from {device[0]}:{device[1]}") from None
            answer = question.answer.get()  # it came at the last moment
        if isinstance(answer, OSError):
            raise answer
        return answer

    def close(self) -> None:
        """Let the thread end. One that hangs is a daemon thread and ends with the process."""
        if self._questions is not None:
            self._questions.put(None)
            self._questions = None

    def _answer(self, questions: SimpleQueue[_Question | None]) -> None:
        while (question := questions.get()) is not None:
            result: Answer | OSError
            try:
                result = self._ask(question.path)
            except OSError as error:
                result = error
            with self._lock:
                question.answer.put(result)
                self._hung.discard(question.device)


class _Question(NamedTuple):
    device: Device
    path: str
    answer: SimpleQueue[Answer | OSError]


def look(path: str) -> Answer:
    """
    Look at what is at `path`, without following a link there. Raises OSError.

    A container chooses what its paths lead to: the answer names the device that was really asked.
    """
    fd = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        found = os.fstat(fd)
        filled = os.fstatvfs(fd)
    finally:
        os.close(fd)
    unit = filled.f_frsize
    return Answer(
        (os.major(found.st_dev), os.minor(found.st_dev)),
        stat.S_ISDIR(found.st_mode),
        Space(
            capacity=filled.f_blocks * unit,
            free=filled.f_bfree * unit,
            available=filled.f_bavail * unit,
            inodes=filled.f_files or None,
            inodes_free=filled.f_ffree if filled.f_files else None,
        ),
    )
