"""A container's log files, for whoever prints them: where to begin, and the reader that goes on."""

from __future__ import annotations

import os
from collections.abc import Callable

from agent.container.container import Container
from agent.container.log_source import LogSource
from agent.logs.checkpoint import FileRecord
from agent.logs.ending import Ending, unknown
from agent.logs.faults import FaultLog
from agent.logs.reader import LogReader
from agent.logs.siblings import chain_order
from agent.logs.starting_point import begin_at_last, begin_since
from agent.records import dataclass


@dataclass(frozen=True, slots=True)
class FileLog:
    """The current file and what it was rotated to."""

    source: LogSource
    alive: Callable[[str], bool | None] = unknown
    """Whether the container of that id runs; None where that is not known."""
    find_newer: Callable[[], FileLog | None] = lambda: None
    """Looks for the log of the container's next run, where each has its own."""

    def newer(self) -> FileLog | None:
        """The log of the next run, where there is one by now."""
        return self.find_newer()

    @property
    def container(self) -> Container:
        """Whose it is."""
        return self.source.container

    def open(
        self, faults: FaultLog, *, lines: int | None, since_ns: int | None
    ) -> tuple[LogReader, bool]:
        """
        A reader, and whether it passes over anything.

        lines: only the last so many lines, pieces counted one by one. since_ns: nothing older, or a
        part of it. Raises OSError where no file of it can be opened.
        """
        path, log_format = self.source.path, self.source.format
        _try_to_open(path)
        passed_over: list[FileRecord] = []
        more = False
        if lines is not None:
            passed_over, more = begin_at_last(path, log_format, lines)
        elif since_ns is not None:
            passed_over = begin_since(path, log_format, since_ns)
        ending = Ending(log_format, self.container.id, self.alive)
        reader = LogReader(
            path, log_format, faults, passed_over, owner=self.source.owner, ending=ending
        )
        return reader, more


def _try_to_open(path: str) -> None:
    """Say what is wrong before anything is read: the reader tries again and again."""
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK))
    except FileNotFoundError:
        # Of a container that ended, what the file was rotated to may be all that is left.
        if not chain_order(os.path.basename(path), os.listdir(os.path.dirname(path))):
            raise
